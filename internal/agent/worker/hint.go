package worker

import "strings"

// hint explains a failure that the command's isolation may be the reason for; empty for all others.
func (j *job) hint(out ran) string {
	if out.exit == 0 || j.keepers == nil || !j.keepers.Walls().Users || !wantsAnother(out.tail) {
		return ""
	}
	return "\nSlipway: this worker runs commands in a namespace that knows no user but its own, so that sudo, other setuid programs, containers without root and some checks of " +
		"owners fail. Slipway's operations guide says what else is possible, under \"What a test can see\".\n"
}

// wantsAnother reports whether an output shows that something needed another user than its own, which in a namespace of users is not to be had.
func wantsAnother(output string) bool {
	for _, sign := range []string{
		"sudo: effective uid is not 0", "must be owned by uid 0 and have the setuid bit set", "must be setuid root", // sudo, su, fusermount
		"Bad owner or permissions on /",                 // ssh, of files that root owns
		"newuidmap: ", "newgidmap: ", "using newuidmap", // containers without root
	} {
		if strings.Contains(output, sign) {
			return true
		}
	}
	return false
}
