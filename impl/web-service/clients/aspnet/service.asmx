<%@ WebService Language="C#" Class="RemoteImport" %>
// The operations whose reading is compared: each says how it has understood its parameters.
using System;
using System.Web.Services;

public enum SPIncludeSecurity { None, WssOnly, All }

public enum SPImportUserInfoDateTimeOption { None, ReplaceUserWithSystemAccount, ImportAll }

[WebService(Namespace = "http://schemas.microsoft.com/sharepoint/soap/")]
[WebServiceBinding(ConformsTo = WsiProfiles.BasicProfile1_1)]
public class RemoteImport : WebService
{
    [WebMethod]
    public string CreateJob(
        string description, Guid sourceId, string destinationServerUrl, string destinationSiteCollection,
        SPIncludeSecurity includeSecurity, SPImportUserInfoDateTimeOption includeUserInfoDateTime,
        bool enableEventReceivers, bool fileCompression)
    {
        return "CreateJob " + (destinationServerUrl ?? "");
    }

    [WebMethod]
    public string RunJob(Guid jobId) { return "job " + jobId; }

    [WebMethod]
    public string DeleteJob(Guid jobId) { return "job " + jobId; }

    [WebMethod]
    public string GetRemoteAdminServerUrl(string clientVersion) { return "GetRemoteAdminServerUrl"; }
}
