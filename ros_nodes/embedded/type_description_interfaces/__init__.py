"""The interfaces of type_description_interfaces."""
