"""What can keep the audit package from remembering or from reading back.

    AuditError               the root; says what happened, to what, and what to do next
      TrailError             the trail
        TrailUnwritable      a record could not be made durable; nothing of it was kept
        TrailBroken          what stands in the file is not a trail one may build on or read
      CertificateError       a certificate cannot be written or must not be believed

A trail that was tampered with is a value when asked for it: `audit.trail.verify`.
"""


class AuditError(Exception):
    """The audit package could not do its work."""


class TrailError(AuditError):
    """Something is wrong with the trail."""


class TrailUnwritable(TrailError):
    """A record could not be written and synced; the trail is as it was before."""


class TrailBroken(TrailError):
    """The trail holds a line that is no record; `mendd audit verify` names the first one."""


class CertificateError(AuditError):
    """A certificate is malformed, was changed, or holds what JSON cannot."""
