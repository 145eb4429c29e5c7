"""Episodes on disk: written, read back and cached for training."""

from robot_wm.data.cache import CachedDataset, load_cached
from robot_wm.data.episode import Episode
from robot_wm.data.lerobot_reader import Dataset, EpisodeInfo
from robot_wm.data.lerobot_writer import DatasetWriter

__all__ = ["CachedDataset", "Dataset", "DatasetWriter", "Episode", "EpisodeInfo", "load_cached"]
