"""All settings of the collector: one typed tree, and how it is filled.

Default < TOML file < `STEPSCOPE_*` < flag that was typed. All of them and the reference page derive
from the tree in `tree.py`. Nothing else in the collector reads the environment.
"""

from stepscope_collector.config.client import ClientConfig
from stepscope_collector.config.load import Loaded, environment, find_config_file, load
from stepscope_collector.config.setting import Setting
from stepscope_collector.config.targets import Target, TeeConfig
from stepscope_collector.config.tree import (
    IngestConfig,
    LimitsConfig,
    McpConfig,
    RetentionConfig,
    Settings,
    SqlConfig,
    StoreConfig,
    all_settings,
)

__all__ = [
    "ClientConfig",
    "IngestConfig",
    "LimitsConfig",
    "Loaded",
    "McpConfig",
    "RetentionConfig",
    "Setting",
    "Settings",
    "SqlConfig",
    "StoreConfig",
    "Target",
    "TeeConfig",
    "all_settings",
    "environment",
    "find_config_file",
    "load",
]
