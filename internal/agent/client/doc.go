// Package client speaks the wire (package wire) from an agent's side: join, beat, desired, report, leases, blobs.
//
// Trust: on loopback, plain http is fine. Anywhere else the address must be https, and the server's key is pinned by the join token:
//
//	slj_<secret>.<base64url of sha256 of the certificate's public key info>
//
// No certificate authority is asked, so that an installation needs none, and a name that resolves elsewhere gets nothing. What was joined is kept in
// agent.json in Options.Dir, mode 0600: credential, pin, and the random key that proves that a second join is the same machine.
//
// Retries: Join, Desired, Lease, LeaseLog, LeaseDone, GetBlob and PutBlob go on, with growing and jittered pauses, until they succeed, the answer is
// final, or the context ends. Beat, Report and LeaseBeat try once, for their callers have something newer to say the next time.
//
// Final answers: ErrRemoved (401), ErrGone (404, 409, 410), ErrTooOld (426), and *Status for every other refusal.
package client
