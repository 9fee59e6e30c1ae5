// A deploying farm in C++, over the proxy that gSOAP makes. `soapcpp2 -1` speaks SOAP 1.1, `-2` SOAP 1.2.
//
// Usage: client CENTRAL_ADMINISTRATION VERSION
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include "soapContentDeploymentRemoteImportSoapProxy.h"
#include "ContentDeploymentRemoteImportSoap.nsmap"

using Status = ns1__ContentDeploymentJobStatus;
using Proxy = ContentDeploymentRemoteImportSoapProxy;

static void check(bool holds, const char *what) {
    if (!holds) {
        std::fprintf(stderr, "gsoap: %s\n", what);
        std::exit(1);
    }
}

// A call whose answer has to be a response.
#define CALL(operation, request, response)                                                        \
    do {                                                                                           \
        if (service.operation(&request, response) != SOAP_OK) {                                    \
            service.soap_stream_fault(std::cerr);                                                  \
            check(false, #operation);                                                              \
        }                                                                                          \
    } while (false)

static std::string create(Proxy &service, const std::string &source) {
    _ns1__CreateJob request;
    _ns1__CreateJobResponse response;
    request.description = "by gSOAP <&>";
    request.sourceId = source;
    request.destinationServerUrl = "http://intranet";
    request.destinationSiteCollection = "/sites/news";
    request.includeSecurity = ns1__SPIncludeSecurity::WssOnly;
    request.includeUserInfoDateTime = ns1__SPImportUserInfoDateTimeOption::ImportAll;
    request.enableEventReceivers = true;
    request.fileCompression = true;
    CALL(CreateJob, request, response);
    check(response.CreateJobResult.size() == 36, "the id of a job");
    return response.CreateJobResult;
}

static Status status(Proxy &service, const std::string &job) {
    _ns1__GetJobStatus request;
    _ns1__GetJobStatusResponse response;
    request.jobId = job;
    CALL(GetJobStatus, request, response);
    return response.GetJobStatusResult->Status;
}

int main(int, char **arguments) {
    const std::string base = arguments[1];
    const std::string url = base + "/_vti_adm/ContentDeploymentRemoteImport.asmx";
    const std::string source = "be315bb7-e7be-4af4-a8bc-1cd369eb5220";
    Proxy service(url.c_str());

    _ns1__GetVirtualServersInformation servers;
    _ns1__GetVirtualServersInformationResponse some;
    CALL(GetVirtualServersInformation, servers, some);
    auto &applications = some.GetVirtualServersInformationResult->VirtualServerInformation;
    check(applications.size() == 1 && applications[0]->Url == "http://intranet", "web applications");
    _ns1__GetSiteCollectionNames sites;
    _ns1__GetSiteCollectionNamesResponse names;
    sites.virtualServerUrl = "http://intranet";
    CALL(GetSiteCollectionNames, sites, names);
    check(names.GetSiteCollectionNamesResult->string.size() == 2, "site collections");
    _ns1__GetRemoteAdminServerUrl asked;
    _ns1__GetRemoteAdminServerUrlResponse told;
    asked.clientVersion = "14.0.0.0";
    CALL(GetRemoteAdminServerUrl, asked, told);
    check(told.GetRemoteAdminServerUrlResult == base, "import server");

    const std::string job = create(service, source), other = create(service, source);
    check(job != other, "ids");
    check(status(service, job) == Status::ImportPreparing, "status before the run");
    _ns1__CancelJob cancel;
    _ns1__CancelJobResponse cancelled;
    cancel.jobId = other;
    CALL(CancelJob, cancel, cancelled);
    check(status(service, other) == Status::Cancelled, "status after the cancel");
    _ns1__RunJob run;
    _ns1__RunJobResponse running;
    run.jobId = other;
    check(service.RunJob(&run, running) != SOAP_OK, "run after the cancel");
    check(std::string(service.soap_fault_string()).find("cancelled") != std::string::npos,
          "the text of the fault");
    run.jobId = job;
    CALL(RunJob, run, running);
    for (int tries = 0; tries < 600; tries++) {
        Status now = status(service, job);
        if (now != Status::ImportPreparing && now != Status::ImportInProgress) break;
        usleep(100000);
    }
    check(status(service, job) == Status::Failure, "an import without packages");
    _ns1__DeleteJob remove;
    _ns1__DeleteJobResponse removed;
    for (const std::string &gone : {job, other}) {
        remove.jobId = gone;
        CALL(DeleteJob, remove, removed);
    }
    check(service.DeleteJob(&remove, removed) != SOAP_OK, "a job that is gone");
    _ns1__DeleteImportLogs logs;
    _ns1__DeleteImportLogsResponse deleted;
    logs.sourceJobId = source;
    CALL(DeleteImportLogs, logs, deleted);
    std::printf("gSOAP, SOAP %s: nine operations as they should be\n", arguments[2]);
    return 0;
}
