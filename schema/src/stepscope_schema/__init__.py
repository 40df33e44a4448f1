"""The contract of Stepscope: attribute keys, tables, views, macros, migrations and profiles.

Data only. Imports nothing third-party, opens no database; the collector applies what is
declared here and the exporter writes the attribute keys that are declared here.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
