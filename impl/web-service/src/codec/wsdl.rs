//! The service description: WSDL 1.1, document/literal wrapped, as ASP.NET lays it out and clean by
//! WS-I Basic Profile 1.1.

use std::fmt::Display;

use portcullis_xml::Writer;

use super::contract::names;
use super::schema::{self, Definition, Form, Listed};
use super::wire_type::Sayable;
use super::{SoapVersion, envelope};
use crate::message::{GUID_NAMESPACE, NAMESPACE, Operation};

/// SOAP over HTTP, for both versions of SOAP.
const HTTP: &str = "http://schemas.xmlsoap.org/soap/http";
/// CD-10, in the words of XML Schema.
const GUID_PATTERN: &str =
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

/// The service and the bindings are named after the product's service (CD-1).
pub(super) const SERVICE: &str = "ContentDeploymentRemoteImport";
/// The port type, and the binding and port of SOAP 1.1.
const PORT_TYPE: &str = "ContentDeploymentRemoteImportSoap";

/// What the two bindings differ in.
struct Binding {
    name: &'static str,
    binding: &'static str,
    operation: &'static str,
    body: &'static str,
    address: &'static str,
}

/// The binding of a version.
const fn binding(version: SoapVersion) -> Binding {
    match version {
        SoapVersion::V11 => Binding {
            name: PORT_TYPE,
            binding: "soap:binding",
            operation: "soap:operation",
            body: "soap:body",
            address: "soap:address",
        },
        SoapVersion::V12 => Binding {
            name: "ContentDeploymentRemoteImportSoap12",
            binding: "soap12:binding",
            operation: "soap12:operation",
            body: "soap12:body",
            address: "soap12:address",
        },
    }
}

/// See [`wsdl`](super::wsdl).
pub(super) fn describe(address: &str) -> String {
    let mut page = Indented::default();
    page.open("wsdl:definitions")
        .with("xmlns:wsdl", "http://schemas.xmlsoap.org/wsdl/")
        .with("xmlns:soap", "http://schemas.xmlsoap.org/wsdl/soap/")
        .with("xmlns:soap12", "http://schemas.xmlsoap.org/wsdl/soap12/")
        .with("xmlns:s", envelope::XSD_NAMESPACE)
        .with("xmlns:s1", GUID_NAMESPACE)
        .with("xmlns:tns", NAMESPACE)
        .with("targetNamespace", NAMESPACE);
    page.inside("wsdl:types", |page| {
        describe_types(page);
        describe_guid(page);
    });
    for operation in Operation::ALL {
        let names = names(*operation);
        describe_message(&mut page, names.input, names.request);
        describe_message(&mut page, names.output, names.response);
    }
    describe_port_type(&mut page);
    for version in SoapVersion::ALL {
        describe_binding(&mut page, &binding(version));
    }
    page.open("wsdl:service").with("name", SERVICE);
    for version in SoapVersion::ALL {
        let binding = binding(version);
        page.open("wsdl:port").with("name", binding.name);
        page.with("binding", format_args!("tns:{}", binding.name));
        page.leaf(binding.address, "location", Sayable(address));
        page.close();
    }
    page.close().close();
    envelope::document(page.writer)
}

fn describe_types(page: &mut Indented) {
    page.open("s:schema")
        .with("elementFormDefault", "qualified")
        .with("targetNamespace", NAMESPACE)
        .leaf("s:import", "namespace", GUID_NAMESPACE);
    for operation in Operation::ALL {
        let names = names(*operation);
        describe_element(page, names.request, &schema::parameters(*operation));
        describe_element(page, names.response, &schema::result(*operation));
    }
    for Definition { name, form } in schema::definitions() {
        match form {
            Form::Words(words) => describe_words(page, name, &words),
            Form::Members(members) => {
                page.open("s:complexType").with("name", name);
                describe_sequence(page, &members);
                page.close();
            }
            Form::Array(item) => {
                page.open("s:complexType").with("name", name);
                page.inside("s:sequence", |page| {
                    describe_field(page, ["0", "unbounded"], item);
                });
                page.close();
            }
        }
    }
    page.close();
}

/// CD-9: guids have a namespace of their own, and so a schema of their own.
fn describe_guid(page: &mut Indented) {
    page.open("s:schema")
        .with("elementFormDefault", "qualified")
        .with("targetNamespace", GUID_NAMESPACE);
    page.open("s:simpleType").with("name", "guid");
    page.open("s:restriction").with("base", "s:string");
    page.leaf("s:pattern", "value", GUID_PATTERN);
    page.close().close().close();
}

fn describe_element(page: &mut Indented, name: &str, fields: &[Listed]) {
    page.open("s:element").with("name", name);
    page.inside("s:complexType", |page| {
        if !fields.is_empty() {
            describe_sequence(page, fields);
        }
    });
    page.close();
}

/// Every field is there once: a missing one is a fault, so the description says so.
fn describe_sequence(page: &mut Indented, fields: &[Listed]) {
    page.inside("s:sequence", |page| {
        for field in fields {
            describe_field(page, ["1", "1"], *field);
        }
    });
}

fn describe_field(page: &mut Indented, [min, max]: [&str; 2], field: Listed) {
    page.open("s:element")
        .with("minOccurs", min)
        .with("maxOccurs", max)
        .with("name", field.name)
        .with("type", field.type_name)
        .close();
}

fn describe_words(page: &mut Indented, name: &str, words: &[&str]) {
    page.open("s:simpleType").with("name", name);
    page.open("s:restriction").with("base", "s:string");
    for word in words {
        page.leaf("s:enumeration", "value", word);
    }
    page.close().close();
}

fn describe_message(page: &mut Indented, name: &str, element: &str) {
    page.open("wsdl:message").with("name", name);
    page.open("wsdl:part").with("name", "parameters");
    page.with("element", format_args!("tns:{element}"));
    page.close().close();
}

fn describe_port_type(page: &mut Indented) {
    page.open("wsdl:portType").with("name", PORT_TYPE);
    for operation in Operation::ALL {
        let names = names(*operation);
        page.open("wsdl:operation").with("name", names.request);
        page.text_in("wsdl:documentation", schema::summary(*operation));
        page.leaf("wsdl:input", "message", format_args!("tns:{}", names.input));
        page.leaf(
            "wsdl:output",
            "message",
            format_args!("tns:{}", names.output),
        );
        page.close();
    }
    page.close();
}

fn describe_binding(page: &mut Indented, binding: &Binding) {
    page.open("wsdl:binding")
        .with("name", binding.name)
        .with("type", format_args!("tns:{PORT_TYPE}"))
        .leaf(binding.binding, "transport", HTTP);
    for operation in Operation::ALL {
        page.open("wsdl:operation").with("name", operation.name());
        page.open(binding.operation)
            .with("soapAction", operation.soap_action())
            .with("style", "document")
            .close();
        for direction in ["wsdl:input", "wsdl:output"] {
            page.inside(direction, |page| {
                page.leaf(binding.body, "use", "literal");
            });
        }
        page.close();
    }
    page.close();
}

/// Writes elements one a line, because people read service descriptions.
#[derive(Default)]
struct Indented {
    writer: Writer,
    depth: usize,
    /// The element opened last has nothing in it yet.
    is_empty: bool,
}

impl Indented {
    fn open(&mut self, name: &'static str) -> &mut Self {
        if self.depth > 0 {
            self.line();
        }
        self.writer.open(name);
        self.depth = self.depth.saturating_add(1);
        self.is_empty = true;
        self
    }

    fn with(&mut self, name: &'static str, value: impl Display) -> &mut Self {
        self.writer.attribute(name, value);
        self
    }

    fn close(&mut self) -> &mut Self {
        self.depth = self.depth.saturating_sub(1);
        if !self.is_empty {
            self.line();
        }
        self.writer.close();
        self.is_empty = false;
        self
    }

    /// An element with one attribute and nothing in it.
    fn leaf(
        &mut self,
        name: &'static str,
        attribute: &'static str,
        value: impl Display,
    ) -> &mut Self {
        self.open(name).with(attribute, value).close()
    }

    /// An element without attributes, with what `content` puts into it.
    fn inside(&mut self, name: &'static str, content: impl FnOnce(&mut Self)) {
        self.open(name);
        content(self);
        self.close();
    }

    /// An element with text in it.
    fn text_in(&mut self, name: &'static str, text: &str) {
        self.open(name);
        self.writer.text(text);
        self.close();
    }

    fn line(&mut self) {
        let indent = self.depth.saturating_mul(2);
        self.writer.text(format_args!("\n{:indent$}", ""));
    }
}
