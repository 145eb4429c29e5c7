"""The errors that robot_wm raises on purpose; each message says what was got, what was expected and what to do."""


class RobotWmError(Exception):
    """Base of every deliberate error, so that the command line can print it without a traceback."""


class ContractError(RobotWmError):
    """A contract is malformed, or data does not follow it."""


class ObservationError(RobotWmError):
    """An image or a state has the wrong size, type, encoding or holds non-finite numbers."""


class BundleError(RobotWmError):
    """A model bundle is incomplete, altered or inconsistent."""


class ProviderError(RobotWmError):
    """A requested onnxruntime execution provider is not available."""


class DatasetError(RobotWmError):
    """A dataset is missing, damaged or cannot be written."""


class TrainingError(RobotWmError):
    """Training cannot go on: bad configuration, non-finite loss or an unusable checkpoint."""


class CheckpointError(RobotWmError):
    """A published checkpoint is missing, damaged, unsafe, or does not fit the model."""


class TaskError(RobotWmError):
    """A simulated task is asked for something that it cannot set up."""


class EpisodicMemoryError(RobotWmError):
    """An episodic memory cannot be opened or does not take what it is given."""
