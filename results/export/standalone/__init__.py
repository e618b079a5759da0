"""The stand-alone Python file of a network: its torch modules, generated from the spec, without mgnas."""
