"""The interfaces of rcl_interfaces."""
