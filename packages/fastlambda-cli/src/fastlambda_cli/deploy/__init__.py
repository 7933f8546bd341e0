"""From a service's description to a stack that stands, on AWS or on this machine: one pipeline for both.

    load -> build -> prepare -> propose -> confirm -> publish -> record -> execute -> ask -> record

Each stage returns a new value and changes none (`model` has those that leave this package):

    Target       the service, its stage and Lambda's Python, from whoever calls
    Artifact     a zip of locked packages and the service's own files (the package `artifact`)
    Prepared     artifact, template, parameters; stand-ins for what does not exist yet        preparation
    Proposal     CloudFormation's change set against the stack as it stands                   proposing, proposal
    Plan         what a person agrees to: changes, permissions, artifact, cost                permissions, cost
    Release      the record in the artifact bucket, `started` before anything changes         releasing, releases
    Outcome      how it ended, when it ended well; everything else is an error                pipeline, rollback

Nothing is made before the plan is confirmed: the change set is worked out with stand-ins for a bucket, or secrets, that
are missing, and deleted again with whatever CloudFormation made for it. Then the account's bootstrap stack is made
(`bootstrap`), missing secrets, and the artifact is uploaded under its digest.

Traffic (`traffic`). The alias `live` has it all. An update that publishes a version has two phases:

    1  LiveVersion = the version that the alias has. CloudFormation makes everything but what would bring events to
       where they do not come now (`arrivals`), and publishes the version beside the live one. The engine invokes it by
       its number with a GET of the health path.
    2  LiveVersion = "". The alias moves, at once or by CodeDeploy. The engine asks the API's URL.

A first deployment, and an update that publishes nothing, have one phase and ask the URL after it.

A service may have functions that only consume (`functions`), each with an alias and a LiveVersion of its own. They go
through both phases together with the one that answers HTTP: every new version is asked, and what follows from a failure
of any of them is done for all.

What happens on a failure:

    before the confirmation       nothing was made
    in 1, by CloudFormation       it rolls back; no request ever reached the version
    after 1, by the health check  the template and parameters of before are put back, pinned to the live version
    in 2, by CloudFormation       it rolls back to 1, and then as above
    after 2, by the health check  as above: the alias goes back at once, without a rollout
    AWS refuses something         as after a health check, wherever in 1 or 2 that is
    a first deployment            what CloudFormation gave up is deleted by the next one (`recovery`); one that stands
                                  and does not answer stays, since there is nothing to return to
    Ctrl-C, lost connection,      CloudFormation goes on by itself, and how the stack stands is told. The next
    expired credentials           deployment follows it to its end, reads off the stack what became of the release
                                  (`interrupted`), and begins from there
    somebody else's deployment    is waited for (`underway`). Where it came in between, the change set is refused, or
                                  the stack is not what we left: OvertakenError, and nothing is put back, for it is
                                  theirs

A stack that was put back is pinned: its template is the old one, and its LiveVersion names the version that never
stopped being live. The next deployment takes the pin away.
"""

from __future__ import annotations

from fastlambda_cli.deploy.destroying import destroy, destruction
from fastlambda_cli.deploy.looking import releases, status
from fastlambda_cli.deploy.pipeline import deploy, plan
from fastlambda_cli.deploy.rollback import rollback

__all__ = ["deploy", "destroy", "destruction", "plan", "releases", "rollback", "status"]
