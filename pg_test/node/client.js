// One session of node's client: ends another session, asks for the answer's form, and is then ended itself.
// usage: node client.js CONNECTION_STRING PID        prints one line of JSON
const { Client } = require("pg");

async function main(connectionString, pid) {
  const client = new Client({ connectionString });
  let lost = null;
  client.on("error", (error) => (lost = error));
  await client.connect();
  const ended = await client.query("SELECT pg_terminate_backend($1)", [pid]);
  const rows = await client.query("SELECT txn_owner, pid, granted FROM svv_transactions WHERE pid = pg_backend_pid() LIMIT 1");
  let code = null;
  try {
    await client.query("SELECT pg_terminate_backend(pg_backend_pid())");
  } catch (error) {
    code = error.code;
  }
  await client.end().catch(() => {});
  console.log(JSON.stringify({ ended: ended.rows, row: rows.rows[0], code: code ?? lost?.code }));
}

main(process.argv[2], Number(process.argv[3])).catch((error) => {
  console.error(error);
  process.exit(1);
});
