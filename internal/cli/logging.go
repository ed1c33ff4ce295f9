package cli

import (
	"io"
	"log/slog"
)

// logging is how long-running programs log.
type logging struct {
	LogFormat string `help:"How to log: text or json." enum:"text,json" default:"text" env:"SLIPWAY_LOG_FORMAT"`
	LogLevel  string `help:"What to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"SLIPWAY_LOG_LEVEL"`
}

// args are the flags by which a child of this program logs the same way.
func (l logging) args() (args []string) {
	if l.LogFormat != "text" {
		args = append(args, "--log-format", l.LogFormat)
	}
	if l.LogLevel != "info" {
		args = append(args, "--log-level", l.LogLevel)
	}
	return args
}

func (l logging) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.LogLevel)) // one of the enum
	o := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
