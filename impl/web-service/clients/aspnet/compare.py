#!/usr/bin/env python3
"""Sends the same requests to a real .asmx and to a farm with `compat = "aspnet"`, and compares what
becomes of them: read as what, or refused with which status and fault code, in which media type.

    compare.py ASMX_URL FARM_URL JOB

JOB is a job of the farm that has been run, so that a request about it can be told from one about the
guid of zeros. Rows of DIFFERENT differ on purpose, as SPEC.md says; one that does not differ any more
is an error, too.
"""
import re
import sys
import urllib.error
import urllib.request

asmx, farm, job_id = sys.argv[1:4]
NS = "http://schemas.microsoft.com/sharepoint/soap/"
V11 = "http://schemas.xmlsoap.org/soap/envelope/"
V12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP12 = "application/soap+xml; charset=utf-8"
NIL = "xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:nil='true'"
ZEROS = "00000000-0000-0000-0000-000000000000"


def envelope(body, version=V11, header=""):
    return f"<e:Envelope xmlns:e='{version}'>{header}<e:Body>{body}</e:Body></e:Envelope>"


def call(name, parameters, namespace=NS):
    return f"<{name} xmlns='{namespace}'>{parameters}</{name}>"


def block(attributes):
    return f"<e:Header><h:S xmlns:h='urn:h' {attributes}/></e:Header>"


def action(name):
    return f'"{NS}{name}"'


job = f"<jobId>{job_id}</jobId>"
run = call("RunJob", job)
eight = [
    "<description>d</description>",
    "<sourceId>be315bb7-e7be-4af4-a8bc-1cd369eb5220</sourceId>",
    "<destinationServerUrl>http://destination</destinationServerUrl>",
    "<destinationSiteCollection>/</destinationSiteCollection>",
    "<includeSecurity>All</includeSecurity>",
    "<includeUserInfoDateTime>ImportAll</includeUserInfoDateTime>",
    "<enableEventReceivers>1</enableEventReceivers>",
    "<fileCompression>false</fileCompression>",
]


def create(old=None, new=None):
    parameters = "".join(eight)
    return call("CreateJob", parameters if old is None else parameters.replace(f">{old}<", f">{new}<"))


def guid(text):
    return call("RunJob", f"<jobId>{text}</jobId>")


# name: (message, headers)
rows = {
    "no action": (envelope(run), {}),
    "right action": (envelope(run), {"SOAPAction": action("RunJob")}),
    "action of another operation": (envelope(run), {"SOAPAction": action("DeleteJob")}),
    "action of no operation": (envelope(run), {"SOAPAction": action("Nothing")}),
    "empty action": (envelope(run), {"SOAPAction": '""'}),
    "parameters missing": (envelope(call("CreateJob", "")), {}),
    "parameters in another order": (envelope(call("CreateJob", "".join(reversed(eight)))), {}),
    "word of no enumeration": (envelope(create("All", "Everything")), {}),
    "word in lower case": (envelope(create("All", "all")), {}),
    "word with white space": (envelope(create("All", " All ")), {}),
    "no word": (envelope(create("All", "")), {}),
    "number of a word": (envelope(create("All", "2")), {}),
    "boolean True": (envelope(create("1", "True")), {}),
    "boolean with white space": (envelope(create("1", " true ")), {}),
    "boolean empty": (envelope(create("1", "")), {}),
    "guid in braces and upper case": (envelope(guid("{%s}" % job_id.upper())), {}),
    "guid in parentheses": (envelope(guid(f"({job_id})")), {}),
    "guid without hyphens": (envelope(guid(job_id.replace("-", ""))), {}),
    "guid with white space": (envelope(guid(f" {job_id} ")), {}),
    "guid malformed": (envelope(guid("12")), {}),
    "guid empty": (envelope(guid("")), {}),
    "element in a guid": (envelope(guid(f"<b>{job_id}</b>")), {}),
    "parameter twice": (envelope(call("RunJob", job + "<jobId>12</jobId>")), {}),
    "unknown parameter": (envelope(call("RunJob", job + "<colour/>")), {}),
    "unknown parameter first": (envelope(call("RunJob", "<colour/>" + job)), {}),
    "parameter in another namespace": (envelope(call("RunJob", f"<jobId xmlns='urn:x'>{job_id}</jobId>")), {}),
    "text among parameters": (envelope(call("RunJob", "x" + job)), {}),
    "nil text": (envelope(call("GetRemoteAdminServerUrl", f"<clientVersion {NIL}/>")), {}),
    "nil guid with a value": (envelope(call("RunJob", f"<jobId {NIL}>{job_id}</jobId>")), {}),
    "other namespace, right action": (envelope(call("RunJob", job, "urn:x")), {"SOAPAction": action("RunJob")}),
    "other namespace, no action": (envelope(call("RunJob", job, "urn:x")), {}),
    "no namespace": (envelope(f"<RunJob>{job}</RunJob>"), {}),
    "unknown operation": (envelope(call("Fly", "")), {}),
    "two operations": (envelope(run * 2), {}),
    "two operations, action of the second": (envelope(call("Fly", "") + run), {"SOAPAction": action("RunJob")}),
    "no operation": (envelope(""), {}),
    "no operation, an action": (envelope(""), {"SOAPAction": action("RunJob")}),
    "text in the body": (envelope("x" + run), {"SOAPAction": action("RunJob")}),
    "no envelope": ("<x/>", {}),
    "no envelope, SOAP 1.2": ("<x/>", {"Content-Type": SOAP12}),
    "envelope in no namespace": ("<Envelope/>", {}),
    "malformed": ("<x", {}),
    "doctype": ("<!DOCTYPE a>" + envelope(run), {}),
    "processing instruction": ("<?a b?>" + envelope(run), {}),
    "comment": ("<!-- c -->" + envelope(run), {}),
    "SOAP 1.2 in text/xml": (envelope(run, V12), {}),
    "SOAP 1.2": (envelope(run, V12), {"Content-Type": SOAP12}),
    "SOAP 1.1 in application/soap+xml": (envelope(run), {"Content-Type": SOAP12}),
    "SOAP 1.2 with its action": (envelope(run, V12), {"Content-Type": f'{SOAP12}; action="{NS}RunJob"'}),
    "SOAP 1.2, action of another operation": (envelope(run, V12), {"Content-Type": f'{SOAP12}; action="{NS}DeleteJob"'}),
    "SOAP 1.2, action of no operation": (envelope(run, V12), {"Content-Type": f'{SOAP12}; action="{NS}Fly"'}),
    "SOAP 1.2, word of no enumeration": (envelope(create("All", "x"), V12), {"Content-Type": SOAP12}),
    "text/plain": (envelope(run), {"Content-Type": "text/plain"}),
    "no charset": (envelope(run), {"Content-Type": "text/xml"}),
    "charset iso-8859-1": (envelope(run), {"Content-Type": "text/xml; charset=iso-8859-1"}),
    "UTF-8 with a mark": ("\ufeff" + envelope(run), {}),
    "UTF-16 with a mark": (("\ufeff" + envelope(run)).encode("utf-16-le"), {"Content-Type": "text/xml"}),
    "mustUnderstand 1": (envelope(run, header=block("e:mustUnderstand='1'")), {}),
    "mustUnderstand 0": (envelope(run, header=block("e:mustUnderstand='0'")), {}),
    "mustUnderstand true": (envelope(run, header=block("e:mustUnderstand='true'")), {}),
    "mustUnderstand yes": (envelope(run, header=block("e:mustUnderstand='yes'")), {}),
    "mustUnderstand for another": (envelope(run, header=block("e:mustUnderstand='1' e:actor='urn:o'")), {}),
    "no body": (f"<e:Envelope xmlns:e='{V11}'/>", {}),
    "something behind the body": (f"<e:Envelope xmlns:e='{V11}'><e:Body>{run}</e:Body><x xmlns='urn:x'/></e:Envelope>", {}),
}

# What a farm does otherwise on purpose: the last paragraph of "What ASP.NET forgives" in SPEC.md.
DIFFERENT = {
    "empty action": "counts as none",
    "element in a guid": "is no guid",
    "text in the body": "is refused",
    "malformed": "is answered in the version of its media type",
    "doctype": "likewise",
    "processing instruction": "is refused",
    "SOAP 1.1 in application/soap+xml": "is read",
    "SOAP 1.2, action of no operation": "is refused",
    "charset iso-8859-1": "is refused",
    "mustUnderstand yes": "is refused",
    "mustUnderstand for another": "is somebody else's",
    "something behind the body": "is refused",
    "no envelope, SOAP 1.2": "is answered in the media type that it came in",
    "no body": "is the client's mistake, not the server's",
}

# Faults about what was read, not about how it is written.
ABOUT_JOBS = {
    "unknown-job": f"job {ZEROS}",
    "job-run-already": f"job {job_id}",
    "virtual-server-unknown": "CreateJob ",
}


def send(url, message, fields):
    octets = message if isinstance(message, bytes) else message.encode()
    fields = {"Content-Type": "text/xml; charset=utf-8", **fields}
    request = urllib.request.Request(url, data=octets, headers=fields, method="POST")
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    text = answer.read().decode("utf-8", "replace")
    media_type = (answer.headers.get("Content-Type") or "").split(";")[0]
    code = re.search(r"(?:faultcode|Value)>(?:\w+:)?(\w+)<", text)
    rule = re.search(r'rule="([^"]*)"', text)
    if rule and rule.group(1) in ABOUT_JOBS:
        return f"read as {ABOUT_JOBS[rule.group(1)]} {media_type}"
    if code:
        return f"refused {answer.status} {code.group(1)} {media_type}"
    if answer.status != 200:
        return f"refused {answer.status}"
    result = re.search(r"<(\w+)Result>(.*?)</", text)
    # What the .asmx says of itself, and what the operations of a farm return.
    said = result.group(2) if result and url == asmx else ""
    if url == farm:
        name = re.search(r"<(?:\w+:)?(\w+)Response", text).group(1)
        said = {"RunJob": f"job {job_id}", "CreateJob": "CreateJob http://destination"}.get(name, name)
    return f"read as {said} {media_type}"


wrong = 0
for name, (message, fields) in rows.items():
    theirs, ours = send(asmx, message, fields), send(farm, message, fields)
    is_equal = theirs == ours
    if is_equal != (name not in DIFFERENT):
        wrong += 1
        why = "differ" if not is_equal else "do not differ any more"
        print(f"      {name}: {why}: .asmx {theirs!r}, farm {ours!r}")
print(f"      {len(rows)} requests, {len(DIFFERENT)} of them read otherwise on purpose")
sys.exit(1 if wrong else 0)
