"""Recognizers of other toolkits as model folders of this one."""
