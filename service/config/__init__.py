"""The one configuration file, parley.yaml."""

from service.config.key import Key
from service.config.load import ConfigError, load
from service.config.model import Config, Deployment, Local, Model, SecretRef, Timeouts, Vendor

__all__ = ["Config", "ConfigError", "Deployment", "Key", "Local", "Model", "SecretRef", "Timeouts", "Vendor", "load"]
