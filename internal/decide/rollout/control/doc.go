// Package control chooses hosts that stay on the old release and start it anew beside the canaries, and knows how cold they are.
//
//	Choose ──> Ask ──start number in the host's wish──> Heard (up) ──the split is in force──> InForce ──> partner of the canaries, until both have settled
//	               └──cannot, or does not answer──> GiveUp: compared as it is
//
// A canary's process has just started: empty caches, code not compiled yet, no connections. Beside old processes that have run for days it looks like harm, so that what it does is left out until
// it has settled. Beside an old process that started in the same moment it does not, and can be compared from its first visitor on.
//
// Pure: no I/O, no clock. It reads no log and emits nothing; package machine asks it.
package control
