package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"time"

	growthbook "github.com/growthbook/growthbook-golang"
	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	evaluation "github.com/launchdarkly/go-server-sdk-evaluation/v3"
	"github.com/launchdarkly/go-server-sdk-evaluation/v3/ldmodel"
	"golang.org/x/sys/unix"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// The targets.
const (
	oneTarget  = 60 * time.Nanosecond
	factor     = 5 // times as fast as the peers
	allTarget  = 150 * time.Microsecond
	loadTarget = 100 * time.Millisecond
	keptTarget = 60 // MB
)

func main() {
	rounds := flag.Int("rounds", 40, "how often each is measured; the best counts")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "flags:", err)
		os.Exit(1)
	}
}

func run(rounds int) error {
	all, err := contenders()
	if err != nil {
		return err
	}
	figures := measure(all, rounds)
	rows := make([][]string, 0, len(all))
	for i, c := range all {
		f := figures[i]
		rows = append(rows, []string{c.name, fmt.Sprintf("%.0f", float64(f.time)), strconv.Itoa(f.bytes), strconv.Itoa(f.allocs), fmt.Sprintf("%.3f", f.share)})
	}
	fmt.Println("One flag: country = US, then half by id; 1,024 visitors")
	if err := rig.Table(os.Stdout, []string{"", "CPU ns", "B", "allocations", "on"}, rows); err != nil {
		return err
	}
	ours := figures[0]
	fmt.Printf("at most %d ns and no allocation: %s\n", oneTarget, rig.Verdict(ours.time <= oneTarget && ours.allocs == 0))
	for i, c := range all[1:] {
		if c.peer {
			times := float64(figures[i+1].time) / float64(ours.time)
			fmt.Printf("%.1f times as fast as %s, at least %d: %s\n", times, c.name, factor, rig.Verdict(times >= factor))
		}
	}
	fmt.Println()
	if err := payloads(rounds); err != nil {
		return err
	}
	fmt.Printf("load %s\n", rig.Load())
	return nil
}

// contender evaluates the flag for one of the visitors.
type contender struct {
	name string
	peer bool // one that targets are set against
	eval func(visitor int) bool
}

const (
	visitors = 1024
	turns    = 20 * visitors // evaluations a round
)

const payload = `{"features":{"checkout":{"defaultValue":false,"rules":[{"condition":{"country":"US"},"variations":[false,true],"weights":[0.5,0.5],"key":"checkout-test","hashVersion":2}]}}}`

func contenders() ([]contender, error) {
	attributes := make([]map[string]any, visitors)
	for i := range attributes {
		attributes[i] = map[string]any{"id": fmt.Sprintf("user-%d", i), "country": "US", "plan": "pro"}
	}
	flags, err := assign.Compile([]byte(payload), assign.Options{Strict: true})
	if err != nil {
		return nil, err
	}
	all := []contender{
		{"Slipway, attributes in each request", false, func(i int) bool {
			return flags.Eval("checkout", &assign.Visitor{Attributes: attributes[i]}, nil).On
		}},
		{"by hand: two map reads and a hash", false, func(i int) bool {
			id, _ := attributes[i]["id"].(string)
			n, _ := assign.Hash("checkout-test", id, 2)
			return attributes[i]["country"] == "US" && n >= 0.5
		}},
	}
	theirs, err := growthbooks(attributes)
	if err != nil {
		return nil, err
	}
	return append(append(all, theirs...), launchDarkly(attributes)), nil
}

func growthbooks(attributes []map[string]any) ([]contender, error) {
	ctx := context.Background()
	client, err := growthbook.NewClient(ctx, growthbook.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))), growthbook.WithJsonFeatures(payload[len(`{"features":`):len(payload)-1]))
	if err != nil {
		return nil, err
	}
	children := make([]*growthbook.Client, visitors)
	for i := range children {
		if children[i], err = client.WithAttributes(attributes[i]); err != nil {
			return nil, err
		}
	}
	return []contender{
		{"growthbook-golang v0.7.0, WithAttributes in each request", true, func(i int) bool {
			child, err := client.WithAttributes(attributes[i])
			return err == nil && child.EvalFeature(ctx, "checkout").On
		}},
		{"growthbook-golang v0.7.0, clients made beforehand", true, func(i int) bool { return children[i].EvalFeature(ctx, "checkout").On }},
	}, nil
}

// launchDarkly has the same flag in its own form; what it is asked about is made beforehand.
func launchDarkly(attributes []map[string]any) contender {
	const rule = `{"key":"checkout","version":1,"on":true,"salt":"checkout-test","variations":[false,true],"fallthrough":{"variation":0},"offVariation":0,
		"rules":[{"id":"r","clauses":[{"contextKind":"user","attribute":"country","op":"in","values":["US"]}],
		"rollout":{"contextKind":"user","variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]}}]}`
	model, err := ldmodel.NewJSONDataModelSerialization().UnmarshalFeatureFlag([]byte(rule))
	if err != nil {
		panic(err) // the text above
	}
	evaluator := evaluation.NewEvaluator(none{})
	contexts := make([]ldcontext.Context, visitors)
	for i := range contexts {
		contexts[i] = ldcontext.NewBuilder(fmt.Sprint(attributes[i]["id"])).SetString("country", "US").SetString("plan", "pro").Build()
	}
	return contender{"LaunchDarkly evaluator v3.0.1, contexts made beforehand", true, func(i int) bool {
		return evaluator.Evaluate(&model, contexts[i], nil).Detail.Value.BoolValue()
	}}
}

// none has no other flags and no segments.
type none struct{}

func (none) GetFeatureFlag(string) *ldmodel.FeatureFlag { return nil }
func (none) GetSegment(string) *ldmodel.Segment         { return nil }

type figure struct {
	time          time.Duration
	bytes, allocs int
	share         float64
}

// measure lets all take turns, so that what else the machine does meets all alike.
func measure(all []contender, rounds int) []figure {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	figures := make([]figure, len(all))
	for range rounds {
		for i, c := range all {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			on, start := 0, processor()
			for n := range turns {
				if c.eval(n % visitors) {
					on++
				}
			}
			took := (processor() - start) / turns
			runtime.ReadMemStats(&after)
			f := &figures[i]
			if f.time == 0 || took < f.time {
				f.time = took
			}
			f.bytes, f.allocs, f.share = int((after.TotalAlloc-before.TotalAlloc)/turns), int((after.Mallocs-before.Mallocs)/turns), float64(on)/turns
		}
	}
	return figures
}

// processor is how long this thread has had a processor.
func processor() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // Linux has it
	}
	return time.Duration(t.Nano())
}
