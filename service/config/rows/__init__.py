"""The table of settings: name, default, meaning, as the README shows it.

A setting `GENEXEC_X` is also the key `x` of the YAML file that `GENEXEC_CONFIG` names. The
environment wins over the file, `GENEXEC_…` over the names other programs gave it.
"""

from collections.abc import Mapping

from service.config.rows.finding import FINDING
from service.config.rows.keeping import KEEPING
from service.config.rows.keptn import KEPTN
from service.config.rows.packages import PACKAGES
from service.config.rows.receiving import RECEIVING
from service.config.rows.requesting import REQUESTING
from service.config.rows.row import PREFIX, Row
from service.config.rows.running import RUNNING
from service.config.rows.sending import SENDING

__all__ = ["PREFIX", "ROWS", "Row"]

ROWS: Mapping[str, Row] = {
    row.key: row
    for row in (*FINDING, *SENDING, *RECEIVING, *KEPTN, *RUNNING, *PACKAGES, *REQUESTING, *KEEPING)
}
