#!/usr/bin/env python3
"""Has a source farm deploy to an import farm of another maker (Foreign.cs on Mono), and checks what
became of it on both sides.

    foreign.py PORTCULLIS CONFIGURATION FOREIGN_URL FOREIGN_LOG

The source's directory for exports is `source/exports` beside its configuration.
"""
import hashlib
import pathlib
import re
import subprocess
import sys
import time

program, configuration, farm, log = sys.argv[1:5]
exports = pathlib.Path(configuration).parent / "source/exports"
INTERVAL_S = 0.5
WHOLE = "CreateJob (upload )+RunJob import (GetJobStatus )+DeleteJob "


def check(holds, what):
    if not holds:
        sys.exit(f"foreign: {what}\n{pathlib.Path(log).read_text()}")


def deployment(*words, code=0):
    """What a command says, if it ends as it should."""
    command = [program, "deployment", "--config", configuration, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    check(done.returncode == code, f"{words} ended with {done.returncode}, not {code}: {said}")
    return said


def path(name, site, *more):
    deployment("define-path", name, "--source", "staging", "--to", farm, "--web-application", "http://foreign",
               "--site-collection", site, "--polling-interval", f"{INTERVAL_S * 1000:.0f}ms", *more)


def seen(job):
    """What the foreign farm tells of the import job that was made for `job`: (seconds, what, more)."""
    lines = [line.split(" ", 3) for line in pathlib.Path(log).read_text().splitlines()]
    lines = [line for line in lines if len(line) == 4]
    ids = [id for _, what, id, more in lines if what == "CreateJob" and more == job]
    return [(float(at), what, more) for at, what, id, more in lines if [id] == ids]


def statuses(job):
    return list(dict.fromkeys(more for _, what, more in seen(job) if what == "GetJobStatus"))


def check_order(job, order):
    calls = "".join(f"{what} " for _, what, _ in seen(job))
    check(re.fullmatch(order, calls), f"{job} was called as {calls}, not {order}")
    check(seen(job)[-1][2] == "0 left", f"the farm has jobs left behind {job}")


def wait_for(job, status):
    deadline = time.monotonic() + 30
    while status not in statuses(job):
        check(time.monotonic() < deadline, f"{job} was never told {status}")
        time.sleep(0.02)


check("http://foreign (Foreign)\n    /\n    /sites/abroad\n" in deployment("offers", farm), "what is offered")
wrong = ["--source", "staging", "--to", farm, "--web-application", "http://foreign", "--site-collection", "/sites/none"]
deployment("define-path", "abroad", *wrong, code=2)
path("abroad", "/sites/abroad", "--keep-packages", "always")
for name in ["plain", "fails", "cut", "slow", "large"]:
    deployment("define-job", name, "--path", "abroad")

# A success: what was exported has arrived, octet for octet, and nothing stays.
deployment("run", "plain")
check_order("plain", WHOLE)
check(statuses("plain")[-1] == "Success", f"statuses {statuses('plain')}")
uploads = sorted(more for _, what, more in seen("plain") if what == "upload")
cabinets = [(file, file.read_bytes()) for file in exports.glob("runs/*/*/*.cab")]
exported = sorted(f"{len(octets)} {hashlib.sha256(octets).hexdigest()} {file.name}" for file, octets in cabinets)
check(len(exported) > 2 and uploads == exported, f"exported {exported}, uploaded {uploads}")

# The interval, as the farm sees it.
polls = [at for at, what, _ in seen("plain") if what == "GetJobStatus"]
began = next(at for at, what, _ in seen("plain") if what == "RunJob")
mean = (polls[-1] - began) / len(polls)
check(0.9 * INTERVAL_S < mean < 3 * INTERVAL_S, f"polled every {mean:.3f} s")

# A failure.
deployment("run", "fails", code=1)
check_order("fails", WHOLE)
check(re.search("status +Failure", deployment("status", "fails", code=1)), "the status of a failure")

# The answer to RunJob does not arrive. The second RunJob is refused, by a fault that says nothing.
deployment("run", "cut")
check_order("cut", WHOLE.replace("import", "import RunJob"))

# A cancellation in time, and one that is too late.
deployment("run", "slow", "--detach")
wait_for("slow", "ImportPreparing")
deployment("cancel", "slow")
deployment("watch", "slow", code=1)
check_order("slow", WHOLE.replace("DeleteJob", "CancelJob (GetJobStatus )+DeleteJob"))
check(re.search("status +Cancelled", deployment("status", "slow", code=1)), "the status of what was cancelled")
deployment("run", "large", "--detach")
wait_for("large", "ImportInProgress")
deployment("cancel", "large")
deployment("watch", "large")
check_order("large", WHOLE.replace("DeleteJob", "CancelJob (GetJobStatus )+DeleteJob"))
check(any(more == "too late" for _, _, more in seen("large")), "the import could be cancelled")

# What a foreign fault says is in the log, without the farm's stack.
path("astray", "/sites/none", "--unchecked")
deployment("define-job", "astray", "--path", "astray")
deployment("run", "astray", code=1)
said = deployment("status", "astray", code=1)
check("create: System.Web.Services.Protocols.SoapException" in said and "\n  at " not in said, said)
print("      a foreign .asmx: success, failure, RunJob cut, cancelled, cancelled too late, refused")
