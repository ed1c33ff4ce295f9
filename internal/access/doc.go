// Package access knows who may do what: people, their tokens and sessions, their roles, and the audit of every change.
//
//	token (slt_…)  ──SignIn──>  session cookie (sls_…)  ──SignOut, or unused for SessionTime──>  gone
//	login code (slc_…, printed link, once)  ──SignInByCode──┘
//	token  ──RevokeToken, RemovePerson, expiry──>  void, and with it every session it opened
//
// Rights. An admin may do everything. A deployer of an app may push to it, change it and see it; a viewer may see it. A deployer of every app ("*") may also create
// apps. What one may not see does not exist for one: it is answered "not found".
//
// Guarantees. Tokens, session ids and login codes are 256 random bits and stored as SHA-256 only; each is shown once. Comparison is by looking up the hash, so its
// time tells nothing about the secret. A removed person's name stays taken, so that the audit never means two people by one name. Every change writes its audit row in its own
// transaction: there is no change without a row, and no row without a change.
package access
