//! The codes of diagnostics: one table, from which the documentation is made too.

use std::fmt;

macro_rules! codes {
    ($($variant:ident $name:literal $summary:literal)*) => {
        /// What kind of mistake a diagnostic reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $summary] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as users see it, in kebab case.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// What is wrong, in a sentence.
            pub fn summary(self) -> &'static str {
                match self { $(Code::$variant => $summary,)* }
            }
        }
    };
}

codes! {
    Unreadable "unreadable" "The file can't be read."
    Syntax "syntax" "The text is not YAML, or uses a part of YAML that probe files don't have."
    Shape "shape" "A value is missing or has another shape than the language wants there."
    UnknownField "unknown-field" "The language has no such field or variant here."
    DuplicateKey "duplicate-key" "A key stands twice in one mapping."
    Version "version" "The file is written in a version of the language that is not known."
    Name "name" "A name doesn't follow the rule for names."
    DuplicateProbe "duplicate-probe" "Two files define a probe of the same name."
    Template "template" "A template can't be rendered."
    ObjectNotFound "object-not-found" "An object file is in none of the places searched."
    NotAnObject "not-an-object" "A file is not an eBPF object that can be read."
    DigestMismatch "digest-mismatch" "An object's content is not what the file says it must be."
    UnknownObject "unknown-object" "A name's prefix is not the alias of an object."
    UnknownProgram "unknown-program" "No object has a program of that name."
    UnknownMap "unknown-map" "No object has a map of that name."
    UnknownGlobal "unknown-global" "No object has a global variable of that name."
    Ambiguous "ambiguous" "Several objects have something of that name."
    InvalidValue "invalid-value" "A value can't be understood."
    GlobalType "global-type" "A value doesn't fit the global variable's type."
    GlobalRange "global-range" "A value is out of the range of the global variable's type."
    KindMismatch "kind-mismatch" "A program was compiled for another way of attaching."
    NothingAttached "nothing-attached" "The probe attaches nothing."
    EmptyFirstOf "empty-first-of" "A list of alternatives is empty."
    NotAProgArray "not-a-prog-array" "Tail calls need a map of the type PROG_ARRAY."
    SlotOutOfRange "slot-out-of-range" "A slot's index is not below the map's max_entries."
    DuplicateSlot "duplicate-slot" "A slot is filled twice."
    SlotTypeMismatch "slot-type-mismatch" "Programs of different types can't share a PROG_ARRAY."
    GenerationVariable "generation-variable" "A variable can't say which half of a PROG_ARRAY is in use."
    UnusedTable "unused-table" "No attached program tail-calls into the PROG_ARRAY."
    EmptyTable "empty-table" "A program tail-calls into a PROG_ARRAY in which nothing sits."
    EmptySlot "empty-slot" "A program tail-calls a slot in which nothing sits."
    UnreachedSlot "unreached-slot" "No program in use tail-calls the slot."
    SlotReplaced "slot-replaced" "The file fills a slot that the object fills by itself."
    OverrideTailCall "override-tail-call" "A program that overrides results can't take part in tail calls."
    SleepableTailCall "sleepable-tail-call" "A program that may sleep can't tail-call before Linux 7.0."
    HandlerContext "handler-context" "A handler reads the arguments of another tracepoint or function than its caller's."
    TailCallCycle "tail-call-cycle" "Tail calls lead back to where they began."
    TailCallDepth "tail-call-depth" "A chain of tail calls is longer than the kernel goes."
    TailCallStack "tail-call-stack" "Too much stack lies above a subprogram that tail-calls."
    StackDepth "stack-depth" "A program and its subprograms use too much stack."
    Licence "licence" "A program calls helpers that its object's licence doesn't open."
    HelperUnavailable "helper-unavailable" "A program calls a helper that its type hasn't got."
    ReturnReadsArguments "return-reads-arguments" "A program at a return reads the registers of the arguments."
    EntryReadsResult "entry-reads-result" "A program at an entry reads the register of the result."
    InFlightKey "in-flight-key" "Calls in flight are stored under a key that others have too."
    InFlightLeak "in-flight-leak" "Calls in flight are stored and never deleted."
    UnknownSyscall "unknown-syscall" "No system call of that name exists on this architecture."
    MapConflict "map-conflict" "Maps of the same name are defined differently."
    MapOverride "map-override" "A map's attribute can't be set to that value."
    MapDefinition "map-definition" "The kernel refuses a map that is defined like this."
    PinIgnored "pin-ignored" "An object asks for a map that is pinned by its name."
    UnknownColumn "unknown-column" "A map has no such field."
    DecoderMismatch "decoder-mismatch" "A decoder doesn't fit the field's type."
    LayoutSize "layout-size" "A layout doesn't fit the map."
    RecordType "record-type" "The type of a map's records is not known."
    UnitMismatch "unit-mismatch" "A unit doesn't fit what a name says."
    UnusedVariable "unused-variable" "No template uses a variable."
    UnusedObject "unused-object" "The probe uses nothing of an object."
    UntouchedMap "untouched-map" "No program of the probe uses a map, so it stays empty."
    DuplicateAttachment "duplicate-attachment" "A program is attached twice to the same place."
    UnknownAllow "unknown-allow" "A comment allows a code that doesn't exist."
    UnusedAllow "unused-allow" "A comment allows a warning that isn't there."
    MissingDescription "missing-description" "The probe doesn't say what it is for."
    DeprecatedHelper "deprecated-helper" "A program calls a helper that has a better successor."
    UnboundedMap "unbounded-map" "Others decide how many keys a map gets."
    SyscallNumber "syscall-number" "A slot goes by a number that other architectures give to another system call."
    CounterInGlobal "counter-in-global" "A counter is kept where nothing can show it."
    UselessField "useless-field" "A view says something that means nothing for its map."
    NoTestRun "no-test-run" "The kernel can't run the program without attaching it."
    DuplicateTest "duplicate-test" "Two tests have the same name."
    EmptyTest "empty-test" "A test expects nothing."
    TestArguments "test-arguments" "A test's arguments are not those of the program's context."
    TestValue "test-value" "A value that a test expects can't be what the field holds."
    TestMap "test-map" "A test looks for entries or records in a map that has none."
    // From here to `Loss`: what only `--kernel` finds.
    MissingFunction "missing-function" "A kernel has no function of that name."
    MissingTracepoint "missing-tracepoint" "A kernel has no tracepoint of that name."
    MissingHook "missing-hook" "A kernel has no security hook or iterator of that name."
    ContextRange "context-range" "A program reads more than the function or tracepoint hands over."
    FunctionArguments "function-arguments" "A function's arguments are not such as trampolines take."
    FunctionResult "function-result" "A function's result is not such as trampolines take."
    CoreMissing "core-missing" "A program can't do without a field, type or function that a kernel doesn't have."
    CoreUnresolved "core-unresolved" "A CO-RE relocation has no answer in a kernel."
    CoreAmbiguous "core-ambiguous" "A CO-RE relocation has several answers in a kernel."
    MissingSymbol "missing-symbol" "A kernel has no function or variable that a program expects."
    SymbolType "symbol-type" "A kernel's function or variable has another type than a program expects."
    KernelConfig "kernel-config" "A kernel is not configured as a program expects."
    NotLinkable "not-linkable" "A program can't be linked for a kernel."
    UnsupportedAttach "unsupported-attach" "A kernel has no such way of attaching."
    UnsupportedProgram "unsupported-program" "A kernel has no such type of programs."
    UnsupportedMap "unsupported-map" "A kernel has no such type of maps."
    UnsupportedHelper "unsupported-helper" "A kernel has no such helper function."
    UnsupportedCookie "unsupported-cookie" "A kernel has no cookies for this way of attaching."
    NoAlternative "no-alternative" "A kernel takes none of the alternatives."
    UnusedAlternative "unused-alternative" "None of the kernels takes an alternative."
    LeftOut "left-out" "A kernel doesn't have what an attachment is for, so it is left out."
    NotKept "not-kept" "A kernel can't keep an attachment without a process."
    Unproven "unproven" "A kernel's types don't tell whether something is there."
    Loss "loss" "A kernel may skip events."
}

impl Code {
    /// Whether it is only reported where kernels are given, and may be for one of them alone.
    pub fn is_about_kernels(self) -> bool {
        (Code::MissingFunction..=Code::Loss).contains(&self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        }
    }
}
