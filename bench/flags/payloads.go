package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// payloads measures 1,000 flags for one visitor, and 10,000 flags from text to ready.
func payloads(rounds int) error {
	flags, err := assign.Compile([]byte(simple(1000)), assign.Options{Strict: true})
	if err != nil {
		return err
	}
	who := assign.Visitor{Attributes: map[string]any{"id": "user-7", "country": "US", "plan": "pro"}}
	each := best(rounds, func() error {
		for range flags.All(&who, nil) {
		}
		return nil
	})
	text := []byte(large(10_000))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	big, err := assign.Compile(text, assign.Options{})
	if err != nil {
		return err
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept := int(after.HeapAlloc-before.HeapAlloc) / 1_000_000
	runtime.KeepAlive(big)
	load := best(max(rounds/4, 3), func() error {
		_, err := assign.Compile(text, assign.Options{})
		return err
	})
	fmt.Printf("Payloads: 1,000 flags of one rule; 10,000 flags of ten rules (%d MB of text)\n", len(text)/1_000_000)
	return rig.Table(os.Stdout, []string{"", "", "target", ""}, [][]string{
		{"1,000 flags for a visitor, CPU", each.String(), allTarget.String(), rig.Verdict(each <= allTarget)},
		{"10,000 flags loaded, CPU of the loading thread", load.Round(time.Millisecond).String(), loadTarget.String(), rig.Verdict(load <= loadTarget)},
		{"kept in memory for them, text and all, MB", fmt.Sprint(kept), fmt.Sprint(keptTarget), rig.Verdict(kept <= keptTarget)},
	})
}

// best is the shortest of several times.
func best(rounds int, do func() error) (least time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := range rounds {
		start := processor()
		if err := do(); err != nil {
			panic(err) // it was compiled once
		}
		if took := processor() - start; i == 0 || took < least {
			least = took
		}
	}
	return least
}

// simple is a payload of n flags as the one of the first table.
func simple(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"flag-%04d":{"defaultValue":false,"rules":[{"condition":{"country":"US"},"variations":[false,true],"weights":[0.5,0.5],"key":"exp-%04d","hashVersion":2}]}`, i, i)
	}
	return `{"features":{` + b.String()[1:] + "}}"
}

// large is a payload of n flags of nine rules that force a value, and an experiment.
func large(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"flag-%05d":{"defaultValue":false,"rules":[`, i)
		for j := range 9 {
			fmt.Fprintf(&b, `{"id":"fr_%05d_%d","condition":{"country":{"$in":["C%d","C%d"]},"plan":"plan-%d","age":{"$gte":%d}},"force":true,"coverage":0.%d,"hashAttribute":"id"},`,
				i, j, j, j+1, i%50, 10+j, 1+j)
		}
		fmt.Fprintf(&b, `{"id":"fr_%05d_x","condition":{"country":"US"},"key":"exp-%05d","variations":[false,true],"weights":[0.5,0.5],"hashVersion":2,"meta":[{"key":"0"},{"key":"1"}]}]}`, i, i)
	}
	return `{"features":{` + b.String()[1:] + "}}"
}
