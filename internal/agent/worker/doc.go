// Package worker runs what builds are made of: it takes leases from the server, checks the commit out, runs the command, and answers.
//
//	lease ──> fetch ──> checkout ──> run ──> (package: pack, upload) ──> result
//	            └────────────┴─────────┴──────────┴── a beat every wire.BeatEvery; an order to cancel, or a lost lease, ends the process group
//
// What is kept warm, under Options.Dir:
//
//	mirrors/APP.git       a bare repository with the last commits, without history
//	work/APP-SLOT/        one checkout per slot; ignored files (dependencies, build folders) stay from build to build, everything else is the commit's
//	home/                 HOME of the commands, and so their caches
//	tmp/SLOT/             TMPDIR of one lease
//
// Guarantees: a command gets an environment made from scratch; the agent's credential is in no environment, command line, git configuration or log that it could
// read. (Commands run as the agent's user: to keep them from the agent's files as well, give the agent a machine or container of its own.) However the worker
// ends, kill -9 included, its commands end with it. What a command prints is sent as it comes, as far as it fits under a cap, and never stops the command, not even
// when the server is away. A result that comes too late is refused by the server and forgotten here.
package worker
