// Package dbtest gives tests a real store: a fresh SQLite file always, and a fresh database of a real PostgreSQL.
//
//	dbtest.Each(t, func(t *testing.T, d *db.DB) { … })
//
// PostgreSQL's programs are looked for on PATH and in /usr/lib/postgresql/*/bin. Each test binary starts a cluster of its own when the first test asks for it:
// reachable by a socket in a temporary folder alone, without fsync, and gone when the test binary ends, however it ends. Where there is no PostgreSQL the
// half that needs it is skipped, unless CI or SLIPWAY_REQUIRE is set: then it fails.
package dbtest
