package cli

import "runtime/debug"

// version is set by the build: -ldflags "-X github.com/slipwayhq/slipway/internal/cli.version=…".
var version = ""

type versionCmd struct{}

func (versionCmd) Run(p *program) error {
	p.say("slipway %s", programVersion())
	return nil
}

// programVersion is what the build said, or the commit that Go noted, or "dev".
func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return "dev"
}
