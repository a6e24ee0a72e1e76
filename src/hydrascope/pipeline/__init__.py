"""From logs to findings: the only room that knows the order of the stages.

read and sketch -> resolve duplicates -> features -> templates -> links -> clusters -> verdicts -> findings
"""

from hydrascope.pipeline.detect import Detection, DetectSettings
from hydrascope.pipeline.scan import Progress, ScanResult, scan
from hydrascope.pipeline.settings import ScanSettings

__all__ = ["DetectSettings", "Detection", "Progress", "ScanResult", "ScanSettings", "scan"]
