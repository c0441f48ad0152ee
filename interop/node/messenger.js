// What a messenger's guide prints for a web page: it knows the browser, JSON and /ws, and nothing of this repository.

const token = localStorage.getItem('token');
const ws = new WebSocket(`ws://${location.host}/ws`);
const lines = document.getElementById('messages');
const status = document.getElementById('status');
const typing = document.getElementById('typing');
let typingEnds;

ws.onopen = () => {
  ws.send(JSON.stringify({ type: 'auth', token }));
};

ws.onmessage = (e) => {
  const event = JSON.parse(e.data);

  switch (event.type) {
    case 'welcome':
      status.textContent = 'online';
      break;

    case 'new_message':
      lines.append(`${event.message.sender_user_id}: ${event.message.content}`);
      typing.textContent = '';
      ws.send(JSON.stringify({
        type: 'read_receipt',
        message_id: event.message.id,
        read_at: new Date().toISOString(),
      }));
      break;

    case 'message_delivered':
      status.textContent = `${event.message_id} delivered to ${event.reader_id} at ${new Date(event.delivered_at).toISOString()}`;
      break;

    case 'message_read':
      status.textContent = `${event.message_id} read by ${event.reader_id} at ${new Date(event.read_at).toISOString()}`;
      break;

    case 'typing':
      clearTimeout(typingEnds);
      typing.textContent = event.is_typing ? `${event.user_id} is typing in ${event.conversation_id}` : '';
      typingEnds = setTimeout(() => { typing.textContent = ''; }, 10000);
      break;

    case 'error':
    case 'refused':
      status.textContent = `${event.code}: ${event.message}`;
      break;
  }
};

ws.onclose = () => {
  status.textContent = 'offline';
};

function sendMessage(to, content) {
  ws.send(JSON.stringify({ type: 'send', client_id: crypto.randomUUID(), to, content }));
}

function sendTyping(conversationId, isTyping) {
  ws.send(JSON.stringify({ type: 'typing', payload: { conversation_id: conversationId, is_typing: isTyping } }));
}
