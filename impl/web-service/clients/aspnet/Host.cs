// A minimal host for .asmx files on Mono: its own xsp4 does not start on Debian 12.
//
//   mono Host.exe http://127.0.0.1:PORT/ DIRECTORY
using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Threading;
using System.Web;
using System.Web.Hosting;

// One request of an HttpListener, as ASP.NET wants to see it.
class ListenerRequest : HttpWorkerRequest
{
    readonly HttpListenerContext context;
    readonly string directory;
    readonly byte[] body;

    public ListenerRequest(HttpListenerContext context, string directory)
    {
        this.context = context;
        this.directory = directory;
        var octets = new MemoryStream();
        context.Request.InputStream.CopyTo(octets);
        body = octets.ToArray();
    }

    // As IIS: %20 is a space to ASP.NET.
    public override string GetUriPath() { return Uri.UnescapeDataString(context.Request.Url.AbsolutePath); }
    public override string GetFilePath() { return GetUriPath(); }
    public override string GetFilePathTranslated() { return MapPath(GetUriPath()); }
    public override string GetPathInfo() { return ""; }
    public override string GetQueryString() { return context.Request.Url.Query.TrimStart('?'); }
    public override string GetRawUrl() { return context.Request.RawUrl; }
    public override string GetHttpVerbName() { return context.Request.HttpMethod; }
    public override string GetHttpVersion() { return "HTTP/1.1"; }
    public override string GetRemoteAddress() { return "127.0.0.1"; }
    public override int GetRemotePort() { return context.Request.RemoteEndPoint.Port; }
    public override string GetLocalAddress() { return "127.0.0.1"; }
    public override int GetLocalPort() { return context.Request.LocalEndPoint.Port; }
    public override string GetServerName() { return "127.0.0.1"; }
    public override string GetAppPath() { return "/"; }
    public override string GetAppPathTranslated() { return directory; }
    public override string MapPath(string path) { return Path.Combine(directory, (path ?? "").TrimStart('/')); }
    public override byte[] GetPreloadedEntityBody() { return body; }
    public override bool IsEntireEntityBodyIsPreloaded() { return true; }

    public override string GetKnownRequestHeader(int index)
    {
        return context.Request.Headers[GetKnownRequestHeaderName(index)];
    }

    public override string GetUnknownRequestHeader(string name) { return context.Request.Headers[name]; }

    public override string[][] GetUnknownRequestHeaders()
    {
        var fields = new List<string[]>();
        foreach (string name in context.Request.Headers)
            if (GetKnownRequestHeaderIndex(name) < 0)
                fields.Add(new[] { name, context.Request.Headers[name] });
        return fields.ToArray();
    }

    public override void SendStatus(int status, string reason)
    {
        context.Response.StatusCode = status;
        context.Response.StatusDescription = reason;
    }

    public override void SendKnownResponseHeader(int index, string value)
    {
        SendUnknownResponseHeader(GetKnownResponseHeaderName(index), value);
    }

    public override void SendUnknownResponseHeader(string name, string value)
    {
        if (name == "Content-Length") context.Response.ContentLength64 = long.Parse(value);
        else if (name == "Content-Type") context.Response.ContentType = value;
        else if (name != "Transfer-Encoding" && name != "Connection") context.Response.Headers[name] = value;
    }

    public override void SendResponseFromMemory(byte[] data, int length)
    {
        context.Response.OutputStream.Write(data, 0, length);
    }

    public override void SendResponseFromFile(string file, long offset, long length)
    {
        context.Response.OutputStream.Write(File.ReadAllBytes(file), (int)offset, (int)length);
    }

    public override void SendResponseFromFile(IntPtr handle, long offset, long length) { }
    public override void FlushResponse(bool isLast) { if (isLast) EndOfRequest(); }

    // Mono's Abort() completes an answer that could be complete; this one lacks an octet.
    public override void CloseConnection()
    {
        context.Response.ContentLength64 = 1;
        context.Response.Abort();
    }

    public override void EndOfRequest()
    {
        // A client that has gone away is no error of the host.
        try { context.Response.Close(); } catch (Exception) { }
    }
}

class Site : MarshalByRefObject
{
    public override object InitializeLifetimeService() { return null; }

    public void Serve(string prefix, string directory)
    {
        var listener = new HttpListener();
        listener.Prefixes.Add(prefix);
        listener.Start();
        Console.WriteLine("listening");
        while (true)
        {
            var context = listener.GetContext();
            ThreadPool.QueueUserWorkItem(_ => HttpRuntime.ProcessRequest(new ListenerRequest(context, directory)));
        }
    }
}

static class Program
{
    static void Main(string[] arguments)
    {
        var directory = Path.GetFullPath(arguments[1]) + "/";
        var own = typeof(Program).Assembly.Location;
        Directory.CreateDirectory(directory + "bin");
        File.Copy(own, directory + "bin/" + Path.GetFileName(own), true);
        var site = (Site)ApplicationHost.CreateApplicationHost(typeof(Site), "/", directory);
        site.Serve(arguments[0], directory);
    }
}
