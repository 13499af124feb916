/*
 * Who is at the other end of the connection: reads PostgreSQL's Port. pgrx does not bind it,
 * because its layout differs between server versions. This file is compiled with the server's own
 * headers.
 */
#include "postgres.h"

/*
 * The headers of these libraries may be missing. The fields that are read here come before those
 * that need them.
 */
#undef USE_OPENSSL
#undef USE_SSL
#undef ENABLE_GSS

#include "libpq/hba.h"
#include "libpq/libpq-be.h"

extern const char *be_tls_get_version(Port *port) __attribute__((weak));
extern const char *be_tls_get_cipher(Port *port) __attribute__((weak));

typedef struct RedshiftSessionsPort
{
	const char *user;
	const char *database;
	const char *remote_host;
	const char *remote_port;
	const char *application_name;
	const char *ssl_version;
	const char *ssl_cipher;
} RedshiftSessionsPort;

/* Gives strings of the Port, NULL where it has none. */
void redshift_sessions_port(Port *port, RedshiftSessionsPort *result);

/*
 * A constant string. Ask while the client is being authenticated: the line of pg_hba.conf is freed
 * soon after.
 */
const char *redshift_sessions_auth_method(const Port *port);

/*
 * The settings in the startup packet: name, value, name, value. PostgreSQL applies them once the
 * client is authenticated.
 */
List	  **redshift_sessions_startup_options(Port *port);

List **
redshift_sessions_startup_options(Port *port)
{
	return &port->guc_options;
}

const char *
redshift_sessions_auth_method(const Port *port)
{
	return port->hba ? hba_authname(port->hba->auth_method) : NULL;
}

void
redshift_sessions_port(Port *port, RedshiftSessionsPort *result)
{
	result->user = port->user_name;
	result->database = port->database_name;
	result->remote_host = port->remote_host;
	result->remote_port = port->remote_port;
	result->application_name = port->application_name;
	result->ssl_version = NULL;
	result->ssl_cipher = NULL;
	if (port->ssl_in_use && be_tls_get_version && be_tls_get_cipher)
	{
		result->ssl_version = be_tls_get_version(port);
		result->ssl_cipher = be_tls_get_cipher(port);
	}
}
