package certs

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newZap makes the logger that certmagic wants, of ours. What it calls info is of interest to who looks for a fault alone.
func newZap(log *slog.Logger) *zap.Logger { return zap.New(&bridge{log: log}) }

// bridge is a zapcore.Core that writes to a slog.Logger.
type bridge struct{ log *slog.Logger }

func level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	case l == zapcore.InfoLevel:
		return slog.LevelDebug
	}
	return slog.LevelDebug - 4
}

// Enabled tells whether entries of the level are written.
func (b *bridge) Enabled(l zapcore.Level) bool { return b.log.Enabled(context.Background(), level(l)) }

// With gives a bridge that adds the fields to each entry.
func (b *bridge) With(fields []zapcore.Field) zapcore.Core {
	return &bridge{log: b.log.With(arguments(fields)...)}
}

// Check adds the bridge to those who write the entry.
func (b *bridge) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if b.Enabled(e.Level) {
		return checked.AddCore(e, b)
	}
	return checked
}

// Write writes an entry.
func (b *bridge) Write(e zapcore.Entry, fields []zapcore.Field) error {
	args := arguments(fields)
	if e.LoggerName != "" {
		args = append(args, "logger", e.LoggerName)
	}
	l := level(e.Level)
	if slices.ContainsFunc(fields, told) {
		l = slog.LevelDebug
	}
	b.log.Log(context.Background(), l, e.Message, args...)
	return nil
}

// told reports whether a field is an error that is in the log already.
func told(f zapcore.Field) bool {
	err, ok := f.Interface.(error)
	return ok && f.Type == zapcore.ErrorType && errors.Is(err, errTold)
}

// Sync has nothing to do.
func (b *bridge) Sync() error { return nil }

// arguments makes slog's keys and values of zap's fields, in the order of their names.
func arguments(fields []zapcore.Field) []any {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	args := make([]any, 0, 2*len(enc.Fields))
	for _, name := range slices.Sorted(maps.Keys(enc.Fields)) {
		args = append(args, name, enc.Fields[name])
	}
	return args
}
