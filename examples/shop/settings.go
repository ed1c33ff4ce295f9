package main

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/slipwayhq/slipway/examples/shop/events"
	"github.com/slipwayhq/slipway/examples/shop/weather"
)

// settings are what the environment says; README.md lists them.
type settings struct {
	release string
	secret  string
	outlook weather.Outlook
	events  events.Options
}

// readSettings reads all settings and names every one that is wrong.
func readSettings(env func(string) string, addr string) (settings, error) {
	rate, errRate := number(env, "SHOP_ERROR_RATE")
	millis, errMillis := number(env, "SHOP_LATENCY_MS")
	seed, errSeed := seedOf(env("SHOP_SEED"), addr)
	share, errShare := 1.0, error(nil)
	if env("SHOP_EVENTS_SHARE") != "" {
		share, errShare = number(env, "SHOP_EVENTS_SHARE")
	}
	if err := errors.Join(errRate, errMillis, errSeed, errShare); err != nil {
		return settings{}, err
	}
	return settings{
		release: cmp.Or(env("SLIPWAY_RELEASE"), revision(), "unknown"),
		secret:  cmp.Or(env("SHOP_SECRET"), "an example has no secrets"),
		outlook: weather.Outlook{
			ErrorRate: rate,
			Latency:   time.Duration(millis * float64(time.Millisecond)),
			Seed:      seed,
		},
		events: events.Options{URL: env("SHOP_EVENTS_URL"), Key: env("SHOP_EVENTS_KEY"), Release: served(env), Share: share},
	}, nil
}

// served is what events say of who served a visitor: the release, and the host where it is known.
func served(env func(string) string) string {
	release, host := env("SLIPWAY_RELEASE"), env("SLIPWAY_HOST")
	if release == "" || host == "" {
		return release
	}
	return release + "/" + host
}

func defaultAddr(env func(string) string) string {
	return ":" + cmp.Or(env("PORT"), "8080")
}

func number(env func(string) string, name string) (float64, error) {
	text := env(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %q: want a number", name, text)
	}
	return n, nil
}

// seedOf gives the processes of one host different random numbers, and one process the same at every start.
func seedOf(text, addr string) (uint64, error) {
	if text == "" {
		h := fnv.New64a()
		h.Write([]byte(addr))
		return h.Sum64(), nil
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("SHOP_SEED is %q: want a whole number", text)
	}
	return seed, nil
}

// revision is the commit this program was built from, if the build knew it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
