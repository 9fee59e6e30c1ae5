<?php
// A deploying farm in PHP: every operation of the service, called by SoapClient from its own WSDL.
//
// Usage: php php_client.php CENTRAL_ADMINISTRATION CABINET
// Prints one line a version of SOAP and ends with 0 if every answer was as it should be.

const SERVICE = '/_vti_adm/ContentDeploymentRemoteImport.asmx';
const UPLOAD = '/_admin/Content%20Deployment/DeploymentUpload.aspx';

function check(bool $holds, string $what): void
{
    if (!$holds) {
        fwrite(STDERR, "php: $what\n");
        exit(1);
    }
}

/** The code of the fault with which a call ends. */
function faultOf(callable $call): string
{
    try {
        $call();
    } catch (SoapFault $fault) {
        $parts = explode(':', $fault->faultcode);
        return end($parts);
    }
    return 'no fault';
}

function guid(): string
{
    return vsprintf('%s%s-%s-4%.3s-8%.3s-%s%s%s', str_split(bin2hex(random_bytes(16)), 4));
}

function upload(string $base, string $job, string $path): void
{
    $query = http_build_query(['filename' => basename($path), 'remoteJobId' => $job]);
    $options = [
        'method' => 'POST',
        'header' => 'Content-Type: application/octet-stream',
        'content' => file_get_contents($path),
        'ignore_errors' => true,
    ];
    $context = stream_context_create(['http' => $options]);
    file_get_contents($base . UPLOAD . '?' . $query, false, $context);
    check(str_contains($http_response_header[0], ' 200 '), "upload: $http_response_header[0]");
}

function deploy(SoapClient $service, string $base, string $cabinet, string $sender): void
{
    $source = guid();
    $create = fn () => $service->CreateJob([
        'description' => 'by PHP <&>',
        'sourceId' => $source,
        'destinationServerUrl' => 'http://intranet',
        'destinationSiteCollection' => '/sites/news',
        'includeSecurity' => 'All',
        'includeUserInfoDateTime' => 'ImportAll',
        'enableEventReceivers' => true,
        'fileCompression' => true,
    ])->CreateJobResult;

    $servers = $service->GetVirtualServersInformation()->GetVirtualServersInformationResult;
    check($servers->VirtualServerInformation[0]->Url === 'http://intranet', 'web applications');
    $names = $service->GetSiteCollectionNames(['virtualServerUrl' => 'http://intranet']);
    check($names->GetSiteCollectionNamesResult->string === ['/', '/sites/news'], 'site collections');
    $url = $service->GetRemoteAdminServerUrl(['clientVersion' => '14.0.4762.1000']);
    check($url->GetRemoteAdminServerUrlResult === $base, 'import server');
    $status = fn ($job) => $service->GetJobStatus(['jobId' => $job])->GetJobStatusResult->Status;

    $job = $create();
    check($status($job) === 'ImportPreparing', 'status before the run');
    upload($base, $job, $cabinet);
    $service->RunJob(['jobId' => $job]);
    for ($tries = 0; $tries < 600 && str_starts_with($status($job), 'Import'); $tries++) {
        usleep(100_000);
    }
    check($status($job) === 'Success', 'status: ' . $status($job));
    $service->CancelJob(['jobId' => $job]);
    check($status($job) === 'Success', 'too late to cancel');
    $service->DeleteJob(['jobId' => $job]);
    check(faultOf(fn () => $status($job)) === $sender, 'a job that is gone');
    $service->DeleteImportLogs(['sourceJobId' => $source]);

    $other = $create();
    $service->CancelJob(['jobId' => $other]);
    check($status($other) === 'Cancelled', 'status after the cancel');
    check(faultOf(fn () => $service->RunJob(['jobId' => $other])) === $sender, 'run after cancel');
    $service->DeleteJob(['jobId' => $other]);
}

[, $base, $cabinet] = $argv;
foreach ([SOAP_1_1 => 'Client', SOAP_1_2 => 'Sender'] as $version => $sender) {
    $service = new SoapClient($base . SERVICE . '?WSDL', [
        'soap_version' => $version,
        'location' => $base . SERVICE,
        'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
        'cache_wsdl' => WSDL_CACHE_NONE,
    ]);
    deploy($service, $base, $cabinet, $sender);
    $soap = $version === SOAP_1_1 ? '1.1' : '1.2';
    print('PHP ' . PHP_VERSION . ", SOAP $soap: nine operations as they should be\n");
}
