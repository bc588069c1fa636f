export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const name = searchParams.get('name') ?? 'world';
    console.log(`greeting ${name}`);
    return new Response(`Hello, ${name}!\n`);
  },
};
