// Package pg is analytics on PostgreSQL: a schema an app, named slipway_<app>.
//
// What a person asks is asked as a role of the app's own, which can log in, read that schema, and nothing else; the Engine makes it, so its own role needs CREATEROLE. Without, a person's SQL is refused,
// and everything else works.
package pg
