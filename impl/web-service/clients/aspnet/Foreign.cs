// An import farm of another maker, for ASP.NET: the service and the upload page of a farm whose imports are
// a matter of time. Its jobs are in memory, its faults are the exceptions of C#, and it knows of no other
// implementation. The description of a job says how its import goes: "fails", "large", "slow" (it never gets
// ready), "cut" (RunJob takes effect and its answer breaks off).
//
// It writes a line for each thing that it does: seconds since it began, what, the job, and more.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Web;
using System.Web.Services;
using System.Web.UI;

public enum SPIncludeSecurity { None, WssOnly, All }

public enum SPImportUserInfoDateTimeOption { None, ReplaceUserWithSystemAccount, ImportAll }

public enum ContentDeploymentJobStatus
{
    Success, Failure, Cancelled, ImportInProgress, CancelInProgress, ImportPreparing, ImportTimedOut
}

public class VirtualServerInformation
{
    public string Name;
    public string Url;
}

// What this maker tells about a job; only the status is common knowledge.
public class ContentDeploymentRemoteJobStatus
{
    public Guid JobId;
    public DateTime? StartTime;
    public DateTime? EndTime;
    public string[] ReportMessages;
    public ContentDeploymentJobStatus Status;
    public string StatusMessage;
}

class ImportJob
{
    public readonly Guid Id = Guid.NewGuid();
    public readonly string Description;
    public readonly Dictionary<string, long> Files = new Dictionary<string, long>();
    DateTime? run, cancelled;

    public ImportJob(string description) { Description = description ?? ""; }

    public DateTime? Began { get { return run; } }

    public bool Is(string kind) { return Description.Contains(kind); }

    public ContentDeploymentJobStatus Status
    {
        get
        {
            if (cancelled.HasValue) return ContentDeploymentJobStatus.Cancelled;
            if (!run.HasValue) return ContentDeploymentJobStatus.ImportPreparing;
            var seconds = (DateTime.UtcNow - run.Value).TotalSeconds;
            if (seconds < 0.8 || Is("slow")) return ContentDeploymentJobStatus.ImportPreparing;
            if (seconds < (Is("large") ? 5 : 2.2)) return ContentDeploymentJobStatus.ImportInProgress;
            return Is("fails") ? ContentDeploymentJobStatus.Failure : ContentDeploymentJobStatus.Success;
        }
    }

    public bool IsOver
    {
        get
        {
            var status = Status;
            return status != ContentDeploymentJobStatus.ImportPreparing
                && status != ContentDeploymentJobStatus.ImportInProgress;
        }
    }

    public void Run()
    {
        if (run.HasValue || cancelled.HasValue) throw new InvalidOperationException("Operation is not valid.");
        run = DateTime.UtcNow;
    }

    // In time only as long as nothing has been unpacked.
    public bool Cancel()
    {
        if (Status != ContentDeploymentJobStatus.ImportPreparing) return false;
        cancelled = DateTime.UtcNow;
        return true;
    }

    public void Add(string name, long octets)
    {
        if (run.HasValue || cancelled.HasValue) throw new InvalidOperationException("Operation is not valid.");
        Files[name] = octets;
    }
}

static class ForeignFarm
{
    public static readonly Dictionary<Guid, ImportJob> Jobs = new Dictionary<Guid, ImportJob>();
    static readonly Stopwatch Clock = Stopwatch.StartNew();

    public static string FolderOf(Guid job)
    {
        return Path.Combine(HttpRuntime.AppDomainAppPath, "..", "uploads", job.ToString());
    }

    public static void Log(string what, Guid job, string more)
    {
        var seconds = Clock.Elapsed.TotalSeconds.ToString("F3", CultureInfo.InvariantCulture);
        Console.WriteLine("{0} {1} {2} {3}", seconds, what, job, more);
    }
}

[WebService(Namespace = "http://schemas.microsoft.com/sharepoint/soap/")]
[WebServiceBinding(ConformsTo = WsiProfiles.BasicProfile1_1)]
public sealed class ContentDeploymentRemoteImport : WebService
{
    [WebMethod]
    public VirtualServerInformation[] GetVirtualServersInformation()
    {
        return new[] { new VirtualServerInformation { Name = "Foreign", Url = "http://foreign" } };
    }

    [WebMethod]
    public string[] GetSiteCollectionNames(string virtualServerUrl)
    {
        if (virtualServerUrl != "http://foreign")
            throw new ArgumentException("Value does not fall within the expected range.");
        return new[] { "/", "/sites/abroad" };
    }

    [WebMethod]
    public string GetRemoteAdminServerUrl(string clientVersion)
    {
        return Context.Request.Url.GetLeftPart(UriPartial.Authority) + "/";
    }

    [WebMethod]
    public Guid CreateJob(
        string description, Guid sourceId, string destinationServerUrl, string destinationSiteCollection,
        SPIncludeSecurity includeSecurity, SPImportUserInfoDateTimeOption includeUserInfoDateTime,
        bool enableEventReceivers, bool fileCompression)
    {
        if (!GetSiteCollectionNames(destinationServerUrl).Contains(destinationSiteCollection))
            throw new ArgumentException("Value does not fall within the expected range.");
        var job = new ImportJob(description);
        lock (ForeignFarm.Jobs) ForeignFarm.Jobs.Add(job.Id, job);
        Directory.CreateDirectory(ForeignFarm.FolderOf(job.Id));
        ForeignFarm.Log("CreateJob", job.Id, description);
        return job.Id;
    }

    [WebMethod]
    public void RunJob(Guid jobId)
    {
        ForeignFarm.Log("RunJob", jobId, "");
        ImportJob job;
        lock (ForeignFarm.Jobs)
        {
            job = ForeignFarm.Jobs[jobId];
            job.Run();
        }
        ForeignFarm.Log("import", jobId, job.Files.Count + " files");
        if (job.Is("cut")) Context.Response.Close();
    }

    [WebMethod]
    public ContentDeploymentRemoteJobStatus GetJobStatus(Guid jobId)
    {
        lock (ForeignFarm.Jobs)
        {
            var job = ForeignFarm.Jobs[jobId];
            ForeignFarm.Log("GetJobStatus", jobId, job.Status.ToString());
            return new ContentDeploymentRemoteJobStatus
            {
                JobId = jobId,
                StartTime = job.Began,
                EndTime = job.IsOver ? DateTime.UtcNow : (DateTime?)null,
                ReportMessages = job.Files.Keys.ToArray(),
                Status = job.Status,
                StatusMessage = job.IsOver ? "over" : null,
            };
        }
    }

    [WebMethod]
    public void CancelJob(Guid jobId)
    {
        lock (ForeignFarm.Jobs)
        {
            var isInTime = ForeignFarm.Jobs[jobId].Cancel();
            ForeignFarm.Log("CancelJob", jobId, isInTime ? "in time" : "too late");
        }
    }

    [WebMethod]
    public void DeleteJob(Guid jobId)
    {
        lock (ForeignFarm.Jobs)
        {
            if (!ForeignFarm.Jobs[jobId].IsOver) throw new InvalidOperationException("Operation is not valid.");
            ForeignFarm.Jobs.Remove(jobId);
            Directory.Delete(ForeignFarm.FolderOf(jobId), true);
            ForeignFarm.Log("DeleteJob", jobId, ForeignFarm.Jobs.Count + " left");
        }
    }

    [WebMethod]
    public void DeleteImportLogs(Guid sourceJobId) { ForeignFarm.Log("DeleteImportLogs", sourceJobId, ""); }
}

// The page that takes uploads.
public class DeploymentUpload : Page
{
    protected override void OnLoad(EventArgs nothing)
    {
        var name = Path.GetFileName(Request.QueryString["filename"].Trim('"'));
        var id = new Guid(Request.QueryString["remoteJobId"].Trim('"'));
        var octets = Request.BinaryRead(Request.TotalBytes);
        lock (ForeignFarm.Jobs)
        {
            ForeignFarm.Jobs[id].Add(name, octets.Length);
            File.WriteAllBytes(Path.Combine(ForeignFarm.FolderOf(id), name), octets);
        }
        var digest = BitConverter.ToString(SHA256.Create().ComputeHash(octets)).Replace("-", "").ToLowerInvariant();
        ForeignFarm.Log("upload", id, octets.Length + " " + digest + " " + name);
    }
}
