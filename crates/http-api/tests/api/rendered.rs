//! Messages as nodes.

use serde_json::{Value, json};

use crate::server::TestServer;

fn said(server: &TestServer, agent: &str, messages: &Value) {
    server.post(&format!("/agents/{agent}/messages"), messages).expect(201);
}

#[test]
fn what_is_said_comes_as_nodes_in_its_order() {
    let server = TestServer::start();
    let agent = server.session(None);
    let call = json!({"type": "tool_call", "tool": "Edit", "toolUseId": "t",
        "input": {"file_path": "src/a.rs", "old_string": "one", "new_string": "two\nthree"}});
    let result = json!({"type": "tool_error", "toolUseId": "t"});
    said(
        &server,
        &agent,
        &json!([
            {"role": "user", "content": "# Do it"},
            {"role": "assistant", "content": "Edit …", "metadata": call},
            {"role": "tool", "content": "Exit code 101\n\u{1b}[31mred\u{1b}[0m", "metadata": result},
            {"role": "system", "content": "**as it is**"},
        ]),
    );
    let path = format!("/agents/{agent}/messages/rendered");
    for _ in 0..2 {
        // The second time from what was kept.
        let page = server.get(&path).expect(200);
        let messages = page["messages"].as_array().expect("messages");
        let seqs: Vec<_> = messages.iter().map(|message| message["seq"].as_u64().expect("a seq")).collect();
        assert_eq!(seqs, [1, 2, 3, 4]);
        let heading = json!([{"kind": "heading", "number": 1, "children": [{"kind": "text", "text": "Do it"}]}]);
        assert_eq!(messages[0]["body"], heading);
        assert_eq!(messages[1]["call"], json!({"verb": "Edit", "subject": "src/a.rs", "added": 2, "removed": 1}));
        assert_eq!(messages[1]["input"][0]["kind"], "diff");
        assert_eq!(messages[2]["outcome"], json!({"failed": true, "exit": 101, "lines": 2}));
        assert_eq!(messages[2]["body"][0]["spans"][1], json!({"text": "red", "style": "red"}));
        assert_eq!(messages[3], json!({"seq": 4, "cut": false}));
    }
    let some = server.get(&format!("{path}?after=1&limit=2")).expect(200);
    let seqs: Vec<_> = some["messages"].as_array().expect("messages").iter().map(|message| &message["seq"]).collect();
    assert_eq!(seqs, [2, 3]);
    assert_eq!(server.get(&format!("{path}?after=4")).expect(200), json!({"messages": []}));
}

#[test]
fn an_answer_ends_where_it_is_large_enough() {
    let server = TestServer::start();
    let agent = server.session(None);
    for _ in 0..8 {
        said(&server, &agent, &json!({"role": "assistant", "content": "**words** ".repeat(100_000)}));
    }
    let mut after = 0;
    for _ in 0..8 {
        let page = server.get(&format!("/agents/{agent}/messages/rendered?after={after}")).expect(200);
        let bytes = page.to_string().len();
        assert!(bytes < 8 << 20, "{bytes} bytes");
        let messages = page["messages"].as_array().expect("messages");
        assert!(messages.iter().all(|message| message["cut"] == true));
        let Some(last) = messages.last() else { break };
        after = last["seq"].as_u64().expect("a seq");
    }
    assert_eq!(after, 8, "one goes on behind the last that came");
}

#[test]
fn the_messages_of_another_session_are_never_given() {
    let server = TestServer::start();
    let (one, other) = (server.session(None), server.session(None));
    said(&server, &one, &json!({"role": "assistant", "content": "*one*"}));
    said(&server, &other, &json!({"role": "assistant", "content": "*other*"}));
    for (agent, word) in [(&one, "one"), (&other, "other"), (&one, "one")] {
        let page = server.get(&format!("/agents/{agent}/messages/rendered")).expect(200);
        assert_eq!(page["messages"][0]["body"][0]["children"][0]["children"][0]["text"], word);
    }
}
