#!/bin/sh
# Deploys cabinets to an import farm with curl alone: what a deploying farm says, one message after the
# other.
#
# Usage: deploy.sh CENTRAL_ADMINISTRATION SITE_COLLECTION CABINET...
set -eu
base=${1%/}
site=$2
shift 2
source=be315bb7-e7be-4af4-a8bc-1cd369eb5220
trap 'rm -f answer.xml' EXIT

# Calls an operation with the children of its element, and prints what the result element holds.
call() {
    curl -sS -H 'Content-Type: text/xml; charset=utf-8' \
        -H "SOAPAction: \"http://schemas.microsoft.com/sharepoint/soap/$1\"" \
        "${import:-$base}/_vti_adm/ContentDeploymentRemoteImport.asmx" --data-binary @- <<EOF >answer.xml
<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<$1 xmlns="http://schemas.microsoft.com/sharepoint/soap/">$2</$1>
</soap:Body></soap:Envelope>
EOF
    if ! grep -q Envelope answer.xml; then
        echo "no answer of the service at ${import:-$base}" >&2
        exit 1
    fi
    if grep -q '<faultstring>' answer.xml; then
        sed 's/.*<faultstring>\(.*\)<\/faultstring>.*/fault: \1/' answer.xml >&2
        exit 1
    fi
    sed -n "s/.*<${3:-$1Result}>\([^<]*\)<.*/\1/p" answer.xml
}

import=$(call GetRemoteAdminServerUrl '<clientVersion>14.0.0.0</clientVersion>')
job=$(call CreateJob "<description>by hand</description><sourceId>$source</sourceId>\
<destinationServerUrl>http://intranet</destinationServerUrl>\
<destinationSiteCollection>$site</destinationSiteCollection>\
<includeSecurity>None</includeSecurity><includeUserInfoDateTime>None</includeUserInfoDateTime>\
<enableEventReceivers>false</enableEventReceivers><fileCompression>true</fileCompression>")
echo "import job $job at $import"
for cabinet in "$@"; do
    case ${cabinet##*/} in
        *[!A-Za-z0-9._-]*) echo "$cabinet: this script does not encode such a name" >&2; exit 1 ;;
    esac
    curl -sS --fail --data-binary "@$cabinet" -H 'Content-Type: application/octet-stream' \
        "$import/_admin/Content%20Deployment/DeploymentUpload.aspx?filename=$(basename "$cabinet")&remoteJobId=$job"
    echo "uploaded $cabinet"
done
call RunJob "<jobId>$job</jobId>"
while :; do
    status=$(call GetJobStatus "<jobId>$job</jobId>" Status)
    echo "$status"
    case $status in
        ImportPreparing | ImportInProgress | CancelInProgress) sleep 1 ;;
        *) break ;;
    esac
done
[ "$status" = Success ] || sed -n 's/.*<StatusMessage>\([^<]*\)<.*/\1/p' answer.xml
call DeleteJob "<jobId>$job</jobId>"
[ "$status" = Success ]
