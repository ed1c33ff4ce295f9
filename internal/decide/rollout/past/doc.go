// Package past keeps what is known for good about rollouts that have ended, and what people say of the verdicts on them.
//
// Facts are stored once, in the transaction that ends a rollout (Keep), and never change; a word may be changed and taken back, with each change in the audit and on the
// log. The score is added up from these rows alone, without reading the rollouts.
//
// It reads no log; package rollout calls it in its transactions. emits rollout.assessed.
package past
