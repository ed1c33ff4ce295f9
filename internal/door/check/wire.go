package check

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// RateLim.it's messages, by the numbers of their fields. Defaults that are not zero (passed, amount: true and 1) make it necessary to write what is false and 0.

func unmarshal(b []byte, field func(num protowire.Number, n uint64, s []byte) error) error {
	for len(b) > 0 {
		num, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		var n uint64
		var s []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			s, size = protowire.ConsumeBytes(b)
			if s == nil {
				s = []byte{}
			}
		default:
			size = protowire.ConsumeFieldValue(num, kind, b)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		b = b[size:]
		if kind == protowire.VarintType || kind == protowire.BytesType {
			if err := field(num, n, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func number(b []byte, num protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(n))
}

func words(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

// numbered are the values of an enumeration.
type numbered map[string]int64

func policyNumbers() numbered {
	return numbered{"SECONDLY_ROLLING": 1, "MINUTELY_ROLLING": 3, "HOURLY_ROLLING": 5, "DAILY_ROLLING": 7, "MONTHLY_ROLLING": 8, infinite: 9, "YEARLY_ROLLING": 10}
}
func safetyNumbers() numbered   { return numbered{bestEffort: 4, bombproof: 5} }
func combinerNumbers() numbered { return numbered{minimum: 1, maximum: 2} }

func (e numbered) name(n uint64) (string, error) {
	for name, v := range e {
		if uint64(v) == n {
			return name, nil
		}
	}
	return "", fmt.Errorf("%d is no value of its enumeration", n)
}

func enum(b []byte, num protowire.Number, e numbered, name string) []byte {
	if n, ok := e[name]; ok {
		return number(b, num, n)
	}
	return b
}

func flag(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// Field numbers of LimitDefinition.
func (in *definition) unmarshalProto(b []byte) error {
	in.SafetyLevel = bestEffort
	return unmarshal(b, func(num protowire.Number, n uint64, s []byte) (err error) {
		switch num {
		case 1:
			in.Group = string(s)
		case 2:
			in.PolicyName, err = policyNumbers().name(n)
		case 3:
			in.Limit = whole(int32(n))
		case 4:
			in.Burst = whole(int32(n))
		case 7:
			in.Returnable = n != 0
		case 8:
			in.SafetyLevel, err = safetyNumbers().name(n)
		}
		return err
	})
}

func (in *definition) marshalProto(b []byte) []byte {
	b = words(b, 1, in.Group)
	b = enum(b, 2, policyNumbers(), in.PolicyName)
	b = number(b, 3, int64(in.Limit))
	b = number(b, 4, int64(in.Burst))
	b = number(b, 6, in.LastModified)
	b = number(b, 7, flag(in.Returnable))
	return enum(b, 8, safetyNumbers(), in.SafetyLevel)
}

// listed is LimitDefinitions.
type listed []definition

func (l listed) marshalProto(b []byte) []byte {
	for i := range l {
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), l[i].marshalProto(nil))
	}
	return b
}

func (in *limitRequest) unmarshalProto(b []byte) error {
	return unmarshal(b, func(num protowire.Number, n uint64, s []byte) (err error) {
		switch num {
		case 3:
			amount := int64(int32(n))
			in.AcquireAmount = &amount
		case 4:
			in.Groups = append(in.Groups, string(s))
		case 5:
			in.LimitCombiner, err = combinerNumbers().name(n)
		case 7:
			persist := n != 0
			in.PersistRequest = &persist
		case 8:
			in.AllowPartialResponse = n != 0
		}
		return err
	})
}

func (in *limitResponse) unmarshalProto(b []byte) error {
	in.Amount = 1
	return unmarshal(b, func(num protowire.Number, n uint64, s []byte) error {
		switch num {
		case 2:
			in.ExpiresAt = int64(n)
		case 3:
			in.EnforcedGroup = string(s)
		case 8:
			in.Amount = int64(n)
		}
		return nil
	})
}

func (in *limitResponse) marshalProto(b []byte) []byte {
	b = number(b, 1, flag(in.Passed))
	if in.ExpiresAt != 0 {
		b = number(b, 2, in.ExpiresAt)
	}
	b = words(b, 3, in.EnforcedGroup)
	b = number(b, 4, in.CurrentBucket)
	b = words(b, 5, in.PolicyGroup)
	b = enum(b, 6, policyNumbers(), in.PolicyName)
	b = number(b, 7, min(in.PolicyLimit, 1<<31-1)) // the message has 32 bits for it
	b = number(b, 8, in.Amount)
	if in.LimitResetAt != 0 {
		b = number(b, 9, in.LimitResetAt)
	}
	return enum(b, 10, safetyNumbers(), in.SafetyLevel)
}
