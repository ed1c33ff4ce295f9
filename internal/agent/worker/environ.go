package worker

import (
	"net/url"
	"os"
	"strings"

	"github.com/slipwayhq/slipway/internal/agent/proc"
)

// passedOn are settings of build tools that a command gets from the worker's own environment, since without them nothing could be fetched on many
// networks. None of them is meant for secrets; a value with a password in it is left out all the same.
var passedOn = [...]string{
	"GOPROXY", "GOSUMDB", "GOFLAGS", "GOTOOLCHAIN", "GONOSUMDB", "GONOPROXY", "GOPRIVATE",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "npm_config_registry", "PIP_INDEX_URL",
}

// commandEnviron is what every command gets: a path, a home of its own for all caches, and added.
func commandEnviron(home string, added []string) []string {
	given := []string{"HOME=" + home}
	for _, name := range passedOn {
		if value, ok := os.LookupEnv(name); ok && !hasPassword(value) {
			given = append(given, name+"="+value)
		}
	}
	return proc.Environ(withoutOurs(append(given, added...))...)
}

// withoutOurs drops what configures Slipway itself.
func withoutOurs(environ []string) []string {
	var out []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "SLIPWAY_") {
			out = append(out, entry)
		}
	}
	return out
}

func hasPassword(value string) bool {
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == '|' }) {
		if u, err := url.Parse(part); err == nil && u.User != nil {
			return true
		}
	}
	return false
}

// jobEnviron is the environment of one lease's command.
func (j *job) jobEnviron() []string {
	given := append([]string{}, j.environ...)
	given = append(given, "TMPDIR="+j.tmp)
	return proc.Environ(append(given, withoutOurs(j.lease.Environ)...)...)
}
