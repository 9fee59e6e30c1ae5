// Deploying farms in Node.js: every operation of the service, called by `soap` and by `strong-soap`
// from its own WSDL.
//
// Usage: node node_clients.js CENTRAL_ADMINISTRATION CABINET
// Prints one line a client and ends with 0 if every answer was as it should be.

'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { randomUUID } = require('node:crypto');
const { promisify } = require('node:util');

const SERVICE = '/_vti_adm/ContentDeploymentRemoteImport.asmx';
const UPLOAD = '/_admin/Content%20Deployment/DeploymentUpload.aspx';

async function upload(base, job, cabinet) {
  const query = new URLSearchParams({ filename: path.basename(cabinet), remoteJobId: job });
  const body = fs.readFileSync(cabinet);
  const answer = await fetch(`${base}${UPLOAD}?${query}`, { method: 'POST', body });
  assert.equal(answer.status, 200);
}

/** The whole conversation; `call(operation, arguments)` gives the result element's content. */
async function deploy(call, base, cabinet) {
  const sourceId = randomUUID();
  const create = () =>
    call('CreateJob', {
      description: 'by Node <&>',
      sourceId,
      destinationServerUrl: 'http://intranet',
      destinationSiteCollection: '/sites/news',
      includeSecurity: 'None',
      includeUserInfoDateTime: 'None',
      enableEventReceivers: false,
      fileCompression: true,
    });
  const status = async (jobId) => (await call('GetJobStatus', { jobId })).Status;

  const servers = await call('GetVirtualServersInformation', {});
  assert.equal([servers.VirtualServerInformation].flat()[0].Url, 'http://intranet');
  const names = await call('GetSiteCollectionNames', { virtualServerUrl: 'http://intranet' });
  assert.deepEqual(names.string, ['/', '/sites/news']);
  const url = await call('GetRemoteAdminServerUrl', { clientVersion: '14.0.4762.1000' });
  assert.equal(url, base);

  const job = await create();
  assert.equal(await status(job), 'ImportPreparing');
  await upload(base, job, cabinet);
  await call('RunJob', { jobId: job });
  for (let tries = 0; tries < 600 && (await status(job)).startsWith('Import'); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(await status(job), 'Success');
  await call('DeleteJob', { jobId: job });
  await assert.rejects(status(job), 'a job that is gone');
  await call('DeleteImportLogs', { sourceJobId: sourceId });

  const other = await create();
  await call('CancelJob', { jobId: other });
  assert.equal(await status(other), 'Cancelled');
  await call('DeleteJob', { jobId: other });
}

async function withSoap(base, cabinet, forceSoap12Headers) {
  const soap = require('soap');
  const client = await soap.createClientAsync(`${base}${SERVICE}?WSDL`, { forceSoap12Headers });
  const call = async (operation, args) => {
    const [result] = await client[`${operation}Async`](args);
    return result?.[`${operation}Result`];
  };
  await deploy(call, base, cabinet);
  const version = forceSoap12Headers ? '1.2' : '1.1';
  console.log(`node soap, SOAP ${version}: nine operations as they should be`);
}

async function withStrongSoap(base, cabinet) {
  const { soap } = require('strong-soap');
  const client = await promisify(soap.createClient)(`${base}${SERVICE}?WSDL`, {});
  const call = (operation, args) =>
    new Promise((resolve, reject) => {
      client[operation](args, (error, result) => {
        if (error) reject(error);
        else resolve(result?.[`${operation}Result`]);
      });
    });
  await deploy(call, base, cabinet);
  console.log('strong-soap: nine operations as they should be');
}

async function main() {
  const [base, cabinet] = process.argv.slice(2);
  await withSoap(base, cabinet, false);
  await withSoap(base, cabinet, true);
  await withStrongSoap(base, cabinet);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
