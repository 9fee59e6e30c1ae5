// A deploying farm in C#, over the proxy that `wsdl` makes: the client of .NET 2.0, as the product's.
//
// Usage: Client.exe CENTRAL_ADMINISTRATION SOAP|SOAP12
using System;
using System.Web.Services.Protocols;
using Deployment;

static class MonoClient
{
    static void Check(bool holds, string what)
    {
        if (!holds) throw new Exception("mono: " + what);
    }

    static string FaultOf(Action call)
    {
        try { call(); }
        catch (SoapException fault) { return fault.Code.Name; }
        return "no fault";
    }

    static int Main(string[] arguments)
    {
        var service = new ContentDeploymentRemoteImport();
        service.Url = arguments[0] + "/_vti_adm/ContentDeploymentRemoteImport.asmx";
        string sender = arguments[1] == "SOAP" ? "Client" : "Sender";
        Guid source = Guid.NewGuid();

        var servers = service.GetVirtualServersInformation();
        Check(servers.Length == 1 && servers[0].Url == "http://intranet", "web applications");
        var names = service.GetSiteCollectionNames("http://intranet");
        Check(string.Join(",", names) == "/,/sites/news", "site collections");
        Check(service.GetRemoteAdminServerUrl("14.0.0.0") == arguments[0], "import server");

        Func<Guid> create = () => service.CreateJob("by Mono <&>", source, "http://intranet",
            "/sites/news", SPIncludeSecurity.WssOnly, SPImportUserInfoDateTimeOption.ImportAll,
            true, true);
        Guid job = create(), other = create();
        Check(job != other && job != Guid.Empty, "ids");
        Check(service.GetJobStatus(job).Status == ContentDeploymentJobStatus.ImportPreparing, "status");
        service.CancelJob(other);
        Check(service.GetJobStatus(other).Status == ContentDeploymentJobStatus.Cancelled, "cancel");
        Check(FaultOf(() => service.RunJob(other)) == sender, "run after cancel");
        service.RunJob(job);
        ContentDeploymentJobStatus status;
        do
        {
            System.Threading.Thread.Sleep(100);
            status = service.GetJobStatus(job).Status;
        }
        while (status == ContentDeploymentJobStatus.ImportPreparing
            || status == ContentDeploymentJobStatus.ImportInProgress);
        Check(status == ContentDeploymentJobStatus.Failure, "an import without packages: " + status);
        service.DeleteJob(job);
        service.DeleteJob(other);
        Check(FaultOf(() => service.GetJobStatus(job)) == sender, "a job that is gone");
        service.DeleteImportLogs(source);
        Console.WriteLine("Mono's wsdl proxy, {0}: nine operations as they should be", arguments[1]);
        return 0;
    }
}
