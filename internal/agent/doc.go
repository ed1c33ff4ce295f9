// Package agent is the program on other machines: one join, then the roles that this machine has.
//
//	join ──> host  (package host)  holds releases, keeps processes up, samples the machine
//	    └──> beat                  where there is no host role
//
// A role is one line in roles. It dials out only. A machine without a host role says with a beat that it lives; a host's reports do that by themselves. Where the server is gone the
// roles go on with what they know; where it refuses this agent for good (removed, too old), Run ends with an error that says what to do.
package agent
