// A deploying farm in Java, over the proxy that `wsimport` makes, in both versions of SOAP.
//
// Usage: java JaxwsClient CENTRAL_ADMINISTRATION

import deployment.*;
import java.util.List;
import java.util.UUID;
import javax.xml.ws.soap.SOAPFaultException;

public final class JaxwsClient {
    private static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError("jaxws: " + what);
    }

    private static String faultOf(Runnable call) {
        try {
            call.run();
        } catch (SOAPFaultException fault) {
            return fault.getFault().getFaultCodeAsQName().getLocalPart();
        }
        return "no fault";
    }

    private static void deploy(ContentDeploymentRemoteImportSoap service, String base, String sender)
            throws InterruptedException {
        String source = UUID.randomUUID().toString();
        List<VirtualServerInformation> servers =
                service.getVirtualServersInformation().getVirtualServerInformation();
        check(servers.get(0).getUrl().equals("http://intranet"), "web applications");
        List<String> names = service.getSiteCollectionNames("http://intranet").getString();
        check(names.equals(List.of("/", "/sites/news")), "site collections");
        check(service.getRemoteAdminServerUrl("14.0.0.0").equals(base), "import server");

        String job = create(service, source), other = create(service, source);
        check(!job.equals(other), "ids");
        check(status(service, job) == ContentDeploymentJobStatus.IMPORT_PREPARING, "status");
        service.cancelJob(other);
        check(status(service, other) == ContentDeploymentJobStatus.CANCELLED, "cancel");
        check(faultOf(() -> service.runJob(other)).equals(sender), "run after cancel");
        service.runJob(job);
        ContentDeploymentJobStatus status;
        do {
            Thread.sleep(100);
            status = status(service, job);
        } while (status == ContentDeploymentJobStatus.IMPORT_PREPARING
                || status == ContentDeploymentJobStatus.IMPORT_IN_PROGRESS);
        check(status == ContentDeploymentJobStatus.FAILURE, "an import without packages: " + status);
        service.deleteJob(job);
        service.deleteJob(other);
        check(faultOf(() -> status(service, job)).equals(sender), "a job that is gone");
        service.deleteImportLogs(source);
    }

    private static String create(ContentDeploymentRemoteImportSoap service, String source) {
        return service.createJob("by JAX-WS <&>", source, "http://intranet", "/sites/news",
                SPIncludeSecurity.ALL, SPImportUserInfoDateTimeOption.NONE, false, true);
    }

    private static ContentDeploymentJobStatus status(
            ContentDeploymentRemoteImportSoap service, String job) {
        return service.getJobStatus(job).getStatus();
    }

    public static void main(String[] arguments) throws InterruptedException {
        ContentDeploymentRemoteImport service = new ContentDeploymentRemoteImport();
        deploy(service.getContentDeploymentRemoteImportSoap(), arguments[0], "Client");
        System.out.println("JAX-WS, SOAP 1.1: nine operations as they should be");
        deploy(service.getContentDeploymentRemoteImportSoap12(), arguments[0], "Sender");
        System.out.println("JAX-WS, SOAP 1.2: nine operations as they should be");
    }
}
