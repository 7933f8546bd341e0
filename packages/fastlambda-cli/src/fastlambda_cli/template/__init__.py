"""CloudFormation for a service: pure functions from its description to a document that stands alone.

    service, stage -> Stack -> parameters, resources by concern, outputs -> Template -> YAML or JSON

`document` composes; each other module renders one concern and knows nothing of its neighbours but their logical ids.
"""

from __future__ import annotations

from fastlambda_cli.template.document import Template, render

__all__ = ["Template", "render"]
