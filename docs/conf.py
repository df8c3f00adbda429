"""How the documentation is built: ``make docs``."""

import os
import sys
from pathlib import Path
from tempfile import mkdtemp

from clew._version import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "clew"
author = "The clew authors"
copyright = "The clew authors, Apache License 2.0"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
extensions += ["mathml", "public"]  # in _extensions
exclude_patterns = ["_build", "_extensions"]
templates_path = ["_templates"]

# Pages are Markdown. Their code cells run when the page is built, always: what they show depends on the package.
myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_in_temp = True
nb_merge_streams = True

# The cells run under a profile of their own: nobody's startup files, and no remarks about sockets.
profile = Path(mkdtemp()) / "profile_default"
profile.mkdir()
(profile / "ipython_kernel_config.py").write_text('c.IPKernelApp.log_level = "ERROR"\n', encoding="utf-8")
os.environ["IPYTHONDIR"] = str(profile.parent)

# Reference pages are generated from docstrings.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = False
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "show-inheritance": True,
    "exclude-members": "known, number",  # of Tensor: how its own conversions are made
}
autodoc_typehints = "none"  # functions are annotated for the inside, where values are what users know as tensors
autodoc_class_signature = "mixed"
toc_object_entries_show_parents = "hide"
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "clew"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["clew.css"]
html_show_sourcelink = False
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": True, "footer_start": ["copyright"], "footer_end": []}
html_sidebars = {"decisions/*": [], "contributing": [], "changelog": [], "architecture": []}
