//! The rules for pipelines of Fluent Bit, Envoy and Vector.

use crate::lint::rule::rules;

rules! {
    NO_FILTER "pipeline/no-filter" Medium {
        "no filter of WebAssembly, and no tamis, is in the pipeline"
        "everything passes as it comes"
        "add the filter, or do not lint this file"
    }
    FILTER_ORDER "pipeline/filter-order" High {
        "chatwoot-auth-tagger comes after a filter that anonymises"
        "it sees pseudonyms and removed values, so attacks are not seen and events name nobody"
        "put chatwoot-auth-tagger before coturn-ip-anonymizer and asynq-payload-redactor"
    }
    UNFILTERED "pipeline/unfiltered" High {
        "records reach an output without passing a filter"
        "tags, routes or inputs lead past it"
        "let the filter match what the output matches, or keep these records from the output"
    }
    PARTLY_FILTERED "pipeline/partly-filtered" Low {
        "only some of the records that reach an output pass a filter"
        "the filter matches a part of the tags that the input gives"
        "make sure that the others hold nothing sensitive, or let the filter match them as well"
    }
    NO_MATCH "pipeline/no-match" High {
        "a filter without match or match_regex"
        "Fluent Bit unloads it with a warning and lets everything pass"
        "set match to the tag of the records"
    }
    MATCHES_NOTHING "pipeline/matches-nothing" High {
        "a filter whose match fits the tag of no input"
        "it never sees a record, so everything passes as it comes"
        "set match to the tag of the input"
    }
    WASM_MISSING "pipeline/wasm-missing" High {
        "no artifact is named, or it is not where the config says"
        "the host does not start, or starts without the filter"
        "copy the artifact there, or correct the path"
    }
    WRONG_HOST "pipeline/wrong-host" High {
        "the artifact is for another host"
        "it is refused, or each record is lost"
        "use FILTER.fluent-bit.wasm in Fluent Bit and FILTER.proxy-wasm.wasm in Envoy"
    }
    FUNCTION_NAME "pipeline/function-name" High {
        "function_name is missing or is not in the artifact"
        "Fluent Bit loses each record, without an error and with exit status 0"
        "set function_name to filter, the name in each tamis artifact"
    }
    ACCESSIBLE_PATHS "pipeline/accessible-paths" Medium {
        "accessible_paths opens more than the directory of the filter's config"
        "the module can read all that is below; without the setting it is the working directory"
        "set it to a directory that holds only the config and the key, such as /etc/tamis"
    }
    EVENT_FORMAT "pipeline/event-format" High {
        "event_format msgpack"
        "Fluent Bit takes the length of binary records with strlen: they are cut at the first zero byte"
        "leave event_format out: JSON is the default"
    }
    WASM_MEMORY "pipeline/wasm-memory" High {
        "wasm_heap_size or wasm_stack_size is below its default"
        "records that need more are lost, without an error and with exit status 0"
        "leave both out: tamis artifacts are tested at the defaults of 8192 bytes"
    }
    FLUENT_BIT_VERSION "pipeline/fluent-bit-version" Medium {
        "a version of Fluent Bit with known faults in filter_wasm"
        "4.1.0 and 4.1.1 never free records (issue 11072); before 4.1.0 there is an instance for each chunk, so alerts, sums and caches forget; before 4.0.3 modules with reference types are refused"
        "use 4.1.2 or later"
    }
    CONFIG_REFUSED "pipeline/config-refused" High {
        "a config that the filter refuses"
        "the host does not start"
        "correct it: tamis config check FILTER FILE says what is wrong"
    }
    PASSES_ON_ERROR "pipeline/passes-on-error" Medium {
        "on_error, over_limit or on_unsupported is pass, or format is"
        "what cannot be filtered passes as it comes"
        "leave it out: the default redacts or refuses"
    }
    PLAIN_OUTPUT "pipeline/plain-output" Medium {
        "records leave the machine without TLS"
        "who is on the way reads and changes them"
        "turn TLS on for this output"
    }
    TLS_VERIFY "pipeline/tls-verify" High {
        "the certificate of the other side is not verified"
        "anybody can be the other side"
        "leave verification on and name the CA"
    }
    FAIL_OPEN "pipeline/fail-open" High {
        "the filter fails open"
        "when it fails, records pass unfiltered"
        "set failure_policy: FAIL_RELOAD or FAIL_CLOSED and leave fail_open out"
    }
    FILTER_DISABLED "pipeline/filter-disabled" High {
        "the filter is switched off, for all or for some routes"
        "records of these routes pass unfiltered"
        "leave disabled out"
    }
    BUFFER_LIMIT "pipeline/buffer-limit" Medium {
        "per_connection_buffer_limit_bytes is below the filter's max_bytes"
        "Envoy answers 413 to bodies that the filter would take; shippers drop them or try for ever"
        "set the limit of the listener above max_bytes"
    }
    PLAIN_LISTENER "pipeline/plain-listener" Medium {
        "records come in from other machines without TLS, before the filter"
        "they hold everything that the filter is there to remove"
        "listen on the loopback address next to the shipper, or set a transport_socket with TLS"
    }
    ADMIN_OPEN "pipeline/admin-open" High {
        "the admin interface listens on more than the loopback address"
        "who reaches it can read the config with its keys, take captures and stop Envoy"
        "set its address to 127.0.0.1"
    }
    WASM_TRANSFORM "pipeline/wasm-transform" High {
        "a transform of type wasm, which Vector has not had since 0.17"
        "Vector does not start"
        "use an exec source around tamis run"
    }
    STDERR_RECORDS "pipeline/stderr-records" Low {
        "an exec source takes what tamis says on standard error for records"
        "messages about the filter mix with the log"
        "set include_stderr to false"
    }
}
