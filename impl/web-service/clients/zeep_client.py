"""A deploying farm in Python: every operation of the service, called by zeep from its own WSDL.

Usage: zeep_client.py CENTRAL_ADMINISTRATION CABINET
Prints one line a step and ends with 0 if every answer was as it should be.
"""

import sys
import time
import urllib.parse
import urllib.request
import uuid

import zeep
from zeep.exceptions import Fault

SERVICE = "/_vti_adm/ContentDeploymentRemoteImport.asmx"
UPLOAD = "/_admin/Content%20Deployment/DeploymentUpload.aspx"


def fault_of(call):
    """The code of the fault with which `call` ends."""
    try:
        answer = call()
    except Fault as fault:
        return fault.code.split(":")[-1]
    raise AssertionError(f"no fault, but {answer!r}")


def upload(base, job, path):
    name = path.rsplit("/", 1)[-1]
    query = urllib.parse.urlencode({"filename": name, "remoteJobId": job})
    with open(path, "rb") as file:
        request = urllib.request.Request(f"{base}{UPLOAD}?{query}", data=file.read(), method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200, answer.status


def deploy(service, base, cabinet, sender):
    source = str(uuid.uuid4())

    def create():
        return service.CreateJob(
            description="by zeep <&>",
            sourceId=source,
            destinationServerUrl="http://intranet",
            destinationSiteCollection="/sites/news",
            includeSecurity="WssOnly",
            includeUserInfoDateTime="ReplaceUserWithSystemAccount",
            enableEventReceivers=False,
            fileCompression=True,
        )

    servers = service.GetVirtualServersInformation()
    assert [(s.Name, s.Url) for s in servers] == [("Intranet", "http://intranet")], servers
    names = service.GetSiteCollectionNames(virtualServerUrl="http://intranet")
    assert list(names) == ["/", "/sites/news"], names
    assert service.GetRemoteAdminServerUrl(clientVersion="14.0.4762.1000") == base
    job = create()
    assert job == str(uuid.UUID(job)), "a guid in lower case"
    assert service.GetJobStatus(jobId=job).Status == "ImportPreparing"
    upload(base, job, cabinet)
    assert service.RunJob(jobId=job.upper()) is None
    assert fault_of(lambda: service.RunJob(jobId=job)) == sender, "run twice"
    for _ in range(600):
        status = service.GetJobStatus(jobId=job)
        if status.Status not in ("ImportPreparing", "ImportInProgress"):
            break
        time.sleep(0.1)
    assert status.Status == "Success", status
    assert status.ImportedObjectCount > 0 and status.ErrorCount == 0, status
    service.CancelJob(jobId=job)
    assert service.GetJobStatus(jobId=job).Status == "Success", "too late to cancel"
    service.DeleteJob(jobId=job)
    assert fault_of(lambda: service.GetJobStatus(jobId=job)) == sender, "a job that is gone"
    service.DeleteImportLogs(sourceJobId=source)
    service.DeleteImportLogs(sourceJobId=source)

    other = create()
    assert other != job
    service.CancelJob(jobId=other)
    assert service.GetJobStatus(jobId=other).Status == "Cancelled"
    service.DeleteJob(jobId=other)
    nowhere = lambda: service.GetSiteCollectionNames(virtualServerUrl="http://nowhere")
    assert fault_of(nowhere) == sender


def main():
    base, cabinet = sys.argv[1:]
    client = zeep.Client(f"{base}{SERVICE}?WSDL")
    namespace = "{http://schemas.microsoft.com/sharepoint/soap/}"
    for binding, sender in [
        ("ContentDeploymentRemoteImportSoap", "Client"),
        ("ContentDeploymentRemoteImportSoap12", "Sender"),
    ]:
        service = client.create_service(namespace + binding, base + SERVICE)
        deploy(service, base, cabinet, sender)
        print(f"zeep {zeep.__version__}, {binding}: nine operations as they should be")


main()
