//! Envoy: listeners, their chains of filters, and the clusters they send to.

use std::collections::{BTreeMap, BTreeSet};

use tamis_pack::Abi;
use tamis_sdk::payload::BodyPolicy;

use super::{
    artifact::{Artifact, Site},
    filter_config, net,
    node::{Field, Node, Value, is_on},
    rules as r,
};
use crate::lint::{Finding, Place, Report};

/// What Envoy buffers for a connection if nothing is said, in bytes.
const DEFAULT_BUFFER_BYTES: u64 = 1 << 20;

pub fn is_envoy(document: &Node) -> bool {
    let resource = |item: &Node| item.text_of("@type").is_some_and(|t| t.contains("envoy.config."));
    ["static_resources", "dynamic_resources", "bootstrap_extensions"]
        .iter()
        .any(|k| document.get(k).is_some())
        || document.get("resources").is_some_and(|r| r.items().iter().any(resource))
}

pub fn check(document: &Node, file: &str, offset: u64, site: &Site, report: &mut Report) {
    Check { file, offset, site, report, clusters: BTreeMap::new() }.document(document);
}

struct Check<'c> {
    file: &'c str,
    offset: u64,
    site: &'c Site,
    report: &'c mut Report,
    /// Where chains send to: cluster, and the chain that has no filter, and whether another has one.
    clusters: BTreeMap<String, Ways>,
}

#[derive(Default)]
struct Ways {
    filtered: bool,
    unfiltered: Vec<u64>,
}

/// What is in the chains of a listener.
#[derive(Default)]
struct Chain {
    /// Filters of WebAssembly.
    filters: usize,
    /// Those of them that do more than watch.
    filtering: usize,
    /// The largest body that one of them takes, in bytes.
    largest: Option<u64>,
}

/// A filter of WebAssembly in a chain.
struct Wasm<'n> {
    node: &'n Node,
    /// Its settings.
    config: &'n Node,
    artifact: Artifact,
}

impl Check<'_> {
    fn add(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }

    fn at(&self, line: u64) -> Place {
        Place::line(self.file, line + self.offset)
    }

    fn document(&mut self, document: &Node) {
        let of = |kind: &str, part: &str| -> Vec<&Node> {
            let fixed = document.at(&["static_resources", part]).into_iter().flat_map(Node::items);
            let resources = document.get("resources").into_iter().flat_map(Node::items);
            let typed = resources.filter(|item| item.text_of("@type").is_some_and(|t| t.ends_with(kind)));
            fixed.chain(typed).collect()
        };
        let listeners = of(".Listener", "listeners");
        let clusters = of(".Cluster", "clusters");
        let mut wasm = 0;
        for listener in &listeners {
            wasm += self.listener(listener);
        }
        for cluster in &clusters {
            self.cluster(cluster);
        }
        if let Some(address) = document.at(&["admin", "address", "socket_address"]) {
            self.admin(address);
        }
        if let Some(first) = listeners.first().filter(|_| wasm == 0) {
            let words = "no HTTP filter of WebAssembly is in any listener";
            self.add(Finding::new(&r::NO_FILTER, self.at(first.line), words));
            return;
        }
        for (cluster, ways) in std::mem::take(&mut self.clusters) {
            for line in ways.unfiltered.into_iter().filter(|_| ways.filtered) {
                let words = format!("what comes in here goes to the cluster {cluster} without the filter");
                self.add(Finding::new(&r::UNFILTERED, self.at(line), words));
            }
        }
    }

    fn admin(&mut self, address: &Node) {
        let host = address.text_of("address").unwrap_or_default();
        if !net::is_loopback(host) {
            let words = format!("the admin interface listens on {host}");
            self.add(Finding::new(&r::ADMIN_OPEN, self.at(address.line), words).advise("address: 127.0.0.1"));
        }
    }

    /// Gives how many filters there are.
    fn listener(&mut self, listener: &Node) -> usize {
        let chains = listener.get("filter_chains").into_iter().flat_map(Node::items);
        let chains: Vec<&Node> = chains.chain(listener.get("default_filter_chain")).collect();
        let mut all = Chain::default();
        let mut plain = false;
        for chain in chains {
            let found = self.chain(chain);
            plain |= found.filtering > 0 && chain.get("transport_socket").is_none();
            all.filters += found.filters;
            all.largest = all.largest.max(found.largest);
        }
        self.buffer(listener, all.largest);
        let address = listener.at(&["address", "socket_address"]);
        if let Some(address) = address.filter(|_| plain) {
            let host = address.text_of("address").unwrap_or_default();
            if !net::is_loopback(host) {
                let words = format!("the listener takes records on {host} without TLS");
                self.add(Finding::new(&r::PLAIN_LISTENER, self.at(address.line), words));
            }
        }
        all.filters
    }

    fn chain(&mut self, chain: &Node) -> Chain {
        let mut all = Chain::default();
        for filter in chain.get("filters").into_iter().flat_map(Node::items) {
            let Some(config) = filter.get("typed_config") else { continue };
            let kind = config.text_of("@type").unwrap_or_default();
            let mut wasm = Vec::new();
            if kind.ends_with(".HttpConnectionManager") {
                for http in config.get("http_filters").into_iter().flat_map(Node::items) {
                    if let Some(found) = self.wasm(http) {
                        let largest = self.filter(&found);
                        all.filtering += usize::from(largest.is_some());
                        all.largest = all.largest.max(largest);
                        wasm.push(found);
                    }
                }
                self.order(&wasm);
                self.disabled(config, &wasm);
            } else if !kind.ends_with(".TcpProxy") {
                continue;
            }
            all.filters += wasm.len();
            for cluster in clusters(config) {
                let ways = self.clusters.entry(cluster).or_default();
                if wasm.is_empty() {
                    ways.unfiltered.push(filter.line);
                } else {
                    ways.filtered = true;
                }
            }
        }
        all
    }

    /// An HTTP filter, if it is one of WebAssembly.
    fn wasm<'n>(&mut self, node: &'n Node) -> Option<Wasm<'n>> {
        let typed = node.get("typed_config")?;
        let kind = typed.text_of("@type").unwrap_or_default();
        // Also inside of a TypedStruct.
        let inner = typed.text_of("type_url").unwrap_or_default();
        if !kind.ends_with(".wasm.v3.Wasm") && !inner.ends_with(".wasm.v3.Wasm") {
            return None;
        }
        let config = typed.get("config").or_else(|| typed.at(&["value", "config"]))?;
        let code = config.at(&["vm_config", "code"]);
        let mut artifact = Artifact::default();
        match code.and_then(|c| c.at(&["local", "filename"])) {
            Some(file) => {
                let path = file.text().unwrap_or_default();
                artifact = Artifact::find(path, self.site);
                let place = self.at(file.line);
                if artifact.missing {
                    self.add(Finding::new(&r::WASM_MISSING, place.clone(), format!("there is no {path}")));
                }
                if let Some(abi) = artifact.abi.filter(|abi| *abi != Abi::ProxyWasm) {
                    self.add(Finding::new(&r::WRONG_HOST, place, format!("{path} is for the host {abi}")));
                }
            }
            // Given in the config itself, or loaded from elsewhere: the name has to do.
            None if code.is_some() => {}
            None => {
                let words = "vm_config.code names no artifact";
                self.add(Finding::new(&r::WASM_MISSING, self.at(config.line), words));
            }
        }
        if artifact.filter.is_none() {
            let names = [config.text_of("root_id"), config.text_of("name"), node.text_of("name")];
            let known = crate::host::native::BUILTINS.iter().map(|b| b.name);
            let found = known.into_iter().find(|f| names.iter().flatten().any(|n| n.contains(f)));
            artifact.filter = found.map(str::to_owned);
        }
        Some(Wasm { node, config, artifact })
    }

    /// A filter by itself; gives the largest body that it takes, in bytes, unless it only watches.
    fn filter(&mut self, wasm: &Wasm<'_>) -> Option<u64> {
        let configuration = wasm.config.field("configuration");
        let value = configuration.map(|c| c.value.field("value").unwrap_or(c));
        // Of a filter that is not one of tamis nothing is known.
        let mut policy = wasm.artifact.filter.as_ref().map(|_| BodyPolicy::default());
        let mut watches = false;
        if let (Some(filter), Some(value)) = (&wasm.artifact.filter, value)
            && let Some(text) = value.value.text()
        {
            let first_line =
                matches!(value.value.value, Value::Block(_)).then(|| value.line + 1 + self.offset);
            let site = filter_config::Site { place: self.at(value.line), first_line };
            let config = filter_config::plugin(filter, text, &site, self.report);
            watches = config.as_ref().is_some_and(|c| filter_config::only_watches(text, c));
            policy = config.map(|c| c.body);
        }
        let open = wasm.config.field("fail_open").filter(|f| f.value.text().is_some_and(is_on));
        let policy_open = wasm.config.field("failure_policy").filter(|f| f.value.text() == Some("FAIL_OPEN"));
        let may_fail = wasm.artifact.is_tagger() && watches;
        if let Some(Field { name, line, .. }) = open.or(policy_open).filter(|_| !may_fail) {
            let words = format!("{name} lets requests pass when the filter fails");
            self.add(
                Finding::new(&r::FAIL_OPEN, self.at(*line), words).advise("failure_policy: FAIL_RELOAD"),
            );
        }
        policy.filter(|_| !watches).map(|p| u64::from(p.max_bytes))
    }

    fn order(&mut self, chain: &[Wasm<'_>]) {
        let mut before: Option<u64> = None;
        for wasm in chain {
            if wasm.artifact.is_redactor() {
                before = before.or(Some(wasm.node.line));
            } else if let Some(first) = before.filter(|_| wasm.artifact.is_tagger()) {
                let words =
                    format!("chatwoot-auth-tagger comes after the filter in line {}", first + self.offset);
                self.add(Finding::new(&r::FILTER_ORDER, self.at(wasm.node.line), words));
            }
        }
    }

    /// Filters that are off for all, or for the routes that say so.
    fn disabled(&mut self, manager: &Node, chain: &[Wasm<'_>]) {
        let is = |node: &Node| node.text_of("disabled").is_some_and(is_on);
        let names: BTreeSet<&str> = chain.iter().filter_map(|w| w.node.text_of("name")).collect();
        let mut off: Vec<(u64, String)> = chain
            .iter()
            .filter(|w| is(w.node))
            .map(|w| (w.node.line, "the filter is disabled".to_owned()))
            .collect();
        for node in manager.all() {
            for field in node.get("typed_per_filter_config").into_iter().flat_map(Node::fields) {
                if names.contains(field.name.as_str()) && is(&field.value) {
                    off.push((field.line, format!("{} is disabled here", field.name)));
                }
            }
        }
        for (line, words) in off {
            self.add(Finding::new(&r::FILTER_DISABLED, self.at(line), words));
        }
    }

    fn buffer(&mut self, listener: &Node, largest: Option<u64>) {
        let Some(largest) = largest else { return };
        let field = listener.field("per_connection_buffer_limit_bytes");
        // A number that cannot be read is for Envoy to refuse.
        let limit = match field.map(|f| f.value.text().unwrap_or_default().parse()) {
            Some(Ok(limit)) => limit,
            Some(Err(_)) => return,
            None => DEFAULT_BUFFER_BYTES,
        };
        if limit < largest {
            let words = format!("Envoy buffers {limit} bytes, the filter takes bodies of {largest}");
            let line = field.map_or(listener.line, |f| f.line);
            let advised = format!("per_connection_buffer_limit_bytes: {}", largest.saturating_mul(2));
            self.add(Finding::new(&r::BUFFER_LIMIT, self.at(line), words).advise(advised));
        }
    }

    fn cluster(&mut self, cluster: &Node) {
        let addresses = cluster.get("load_assignment").into_iter().flat_map(Node::all);
        let hosts: Vec<&str> =
            addresses.filter_map(|n| n.at(&["socket_address", "address"])?.text()).collect();
        let far = hosts.iter().find(|h| !net::is_loopback(h));
        let name = cluster.text_of("name").unwrap_or_default();
        match (cluster.get("transport_socket"), far) {
            (None, Some(host)) => {
                let words = format!("the cluster {name} sends to {host} without TLS");
                self.add(Finding::new(&r::PLAIN_OUTPUT, self.at(cluster.line), words));
            }
            (Some(socket), Some(_)) => {
                let tls = socket.text_of("name").is_some_and(|n| n.contains("tls"));
                let verified = |n: &Node| {
                    n.get("validation_context").is_some()
                        || n.fields().iter().any(|f| f.name.contains("validation_context"))
                };
                if tls && !socket.all().any(verified) {
                    let words = format!(
                        "the cluster {name} has no validation_context, so no certificate is verified"
                    );
                    self.add(Finding::new(&r::TLS_VERIFY, self.at(socket.line), words));
                }
            }
            _ => {}
        }
    }
}

/// The clusters that routes or a proxy name.
fn clusters(config: &Node) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in config.all() {
        // `cluster: x` in routes and proxies, `weighted_clusters: {clusters: [{name: x}]}`.
        names.extend(node.text_of("cluster").map(str::to_owned));
        let weighted = node.at(&["weighted_clusters", "clusters"]).into_iter().flat_map(Node::items);
        names.extend(weighted.filter_map(|w| w.text_of("name")).map(str::to_owned));
    }
    names
}
