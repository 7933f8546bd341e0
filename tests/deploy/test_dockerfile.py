"""A service whose image is built by its Dockerfile, to the local AWS."""

from __future__ import annotations

import pytest
from deployments import RUNTIME
from dockerfiles import dockerfile, needs_builder, separate_storage

TABLE = ('package.type = "image"', 'package.dockerfile = "Dockerfile"')
SITE_PACKAGES = f"COPY greeting.py /var/lang/lib/{RUNTIME}/site-packages/greeting.py"
GREETS = """
import greeting

def handler(event, context):
    return {"statusCode": 200, "body": greeting.WORD}
"""

pytestmark = needs_builder


@pytest.fixture
def built(shop, tmp_path, monkeypatch):
    """A service with a Dockerfile, not deployed yet."""
    separate_storage(tmp_path, monkeypatch)
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "cache"))
    (shop.folder / "Dockerfile").write_text(dockerfile(), encoding="utf-8")
    shop.configure(*TABLE)
    return shop


@pytest.mark.slow
def test_it_is_deployed_left_alone_changed_and_returned_to_as_any_image(built):
    shop = built
    created = shop.deploy()
    assert (shop.live(), shop.get()) == ("1", "200 one")
    assert [change.path for change in created.plan.artifact.layers] == ["what the Dockerfile's image has for Python"]
    assert any("no container is started" in remark for remark in shop.remarks())

    assert shop.deploy().plan.empty

    (shop.folder / "Dockerfile").write_text(dockerfile(SITE_PACKAGES), encoding="utf-8")
    (shop.folder / "greeting.py").write_text("WORD = 'from site-packages'\n", encoding="utf-8")
    shop.write(GREETS)
    assert [change.before is None for change in shop.deploy().plan.artifact.layers] == [False]
    assert (shop.live(), shop.get()) == ("2", "200 from site-packages")

    shop.rollback()
    assert (shop.live(), shop.get()) == ("3", "200 one")
